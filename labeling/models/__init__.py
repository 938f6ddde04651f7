from .assignments import Assignment, Draft, Exposure, Skip
from .calibrations import Calibration
from .campaigns import Campaign, CampaignItem, Expected, Stratum, Wave
from .codebooks import Choice, Codebook, CodebookVersion, Outcome, OutcomeChoice, Question
from .judging import JudgeItem, JudgeRun
from .labels import Answer, Evidence, Label, Resolution
from .participation import Care, ContentNote, Invitation, Participation
from .training import Training
from .transfers import LabelExport, LabelImport

__all__ = [
    "Answer",
    "Assignment",
    "Calibration",
    "Campaign",
    "CampaignItem",
    "Care",
    "Choice",
    "Codebook",
    "CodebookVersion",
    "ContentNote",
    "Draft",
    "Evidence",
    "Expected",
    "Exposure",
    "Invitation",
    "JudgeItem",
    "JudgeRun",
    "Label",
    "LabelExport",
    "LabelImport",
    "Outcome",
    "OutcomeChoice",
    "Participation",
    "Question",
    "Resolution",
    "Skip",
    "Stratum",
    "Training",
    "Wave",
]
