from .assignments import Assignment, Draft, Exposure, Skip
from .calibrations import Calibration
from .campaigns import Campaign, CampaignItem, Expected, Stratum, Wave
from .codebooks import Choice, Codebook, CodebookVersion, Outcome, OutcomeChoice, Question
from .labels import Answer, Evidence, Label, Resolution
from .participation import Care, ContentNote, Invitation, Participation
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
    "Wave",
]
