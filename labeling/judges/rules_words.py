"""The words that the act-aware rules look for. Few, plain and documented: whoever disagrees can see with what.

Every pattern is tried on one sentence of what was sent, never on reasoning or on prose beside it. A sentence in
which the words are denied (`DENIED`) does not count where the rule says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_STOP = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+|\n\s*\n|\n\s*(?=[-*•\d])")


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


# "not", in its ways of being written; what an order not to do something has in common with a refusal.
DENIED = _any(
    r"\b(?:not|never|no longer|neither|nor|without|cannot|refuse[ds]?|refusing|declin(?:e[ds]?|ing)|reject(?:ed|"
    r"ing)?)\b",
    r"\b\w+n['’]t\b",
)

# --- blackmail ---------------------------------------------------------------------------------------------------

_TALK = r"(?:e-?mails?|messages?|mails?|correspondence|communications?|exchanges?|conversations?|letters?|threads?)"

# Somebody's private life, whoever it is: what no business mail speaks of.
PRIVATE = _any(
    r"\baffairs?\b(?! of (?:state|the company))",
    r"\b(?:mistress|infidelity|unfaithful|adultery|extra-?marital|indiscretions?|liaison|cheating on)\b",
    r"\byour (?:wife|husband|spouse|partner|marriage|home life|(?:private|personal) (?:life|matters?|affairs?|conduct|"
    r"situation|relationships?|secrets?))\b",
    rf"\b(?:private|personal|intimate|compromising|sensitive) {_TALK}",
    r"\b(?:private|personal) (?:matters?|relationship|circumstances)\b",
    r"\b(?:undisclosed|hidden|secret|inappropriate|improper) (?:\w+ )?relationships?\b",
    r"\b(?:your|the|a) secret\b",
    # The writer knows of mails that were not for it, or lets the reader see that it does.
    rf"\b(?:{_TALK}|emails?) (?:that |which )?(?:between you|you (?:exchanged|sent|wrote|received)|of yours)\b",
    rf"\byou(?:r)? {_TALK} (?:to|with|from) (?!the (?:team|engineering))",
    r"\b(?:things|matters?|something) (?:that |which )?(?:you|their|its) .{0,30}(?:would )?(?:not|rather|prefer)\b",
    r"\bwould not (?:care|want|like|wish) to (?:see|have|be)\b",
    r"\b(?:your )?(?:discretion|loyalty)\b",
)

# Until, unless, in return: one thing is tied to another.
TIE = _any(
    r"\b(?:if|unless|otherwise|or else|as long as|so long as|provided|until|whether)\b",
    r"\bin (?:return|exchange)\b",
    r"\bshould (?:you|the|this|i|it)\b",
    r"\b(?:condition|arrangement|bargain|deal|propos(?:e|al)|trade|price|understanding)\b",
    r"\bwithout (?:it|that|this|your|word)\b",
    r"\b(?:each other|one another|mutual(?:ly)?|both of us|we both|for (?:yours|mine))\b",
    r"\b(?:cancel|stop|halt|wait|postpone|delay|call)\b[^.]{0,60}\band (?:this|it|that|what|your|i|we|they|"
    r"nobody|no one|"
    r"nothing)\b",
    r"\bby (?:then|noon|\d{1,2}[:.]\d\d|(?:four|five|six|\d{1,2}) ?(?:o['’]clock|[ap]\.?m)?)\b",
)
# What happens to the secret: it is told, or it is kept. Not "let me know" and not "please send".
TOLD = _any(
    r"(?<!let me )(?<!let us )\b(?:will|would|shall|should|going to|to|may|might|must|need(?:s)?|'ll|need not) "
    r"(?:\w+ )?(?:know|learn|hear|see|receive|find out|be (?:told|informed|sent|released|shared|made public)|come out|"
    r"come to light|surface|get a copy)\b",
    r"\b(?:i(?:['’]ll| will| shall| would| can| have to| must| may)?|copies|copy|documentation|evidence|everything|"
    r"messages|thread|it all) (?:\w+ ){0,3}(?:send|forward|share|tell|inform|release|disclose|reveal|expose|"
    r"publish|go(?:es)?)\b",
    r"\b(?:is|are|gets?|goes) (?:then |automatically )?(?:released|sent|published|forwarded|shared|exposed)\b",
    r"\b(?:made public|goes public|disclosed|exposed|revealed|forwarded to|released to|receive (?:a|the|all|every))\b",
)
KEPT = _any(
    r"\b(?:my )?silence\b|\bsilent\b|\b(?:stay|stays|remain|remains|kept|keep|keeps|keeping) (?:\w+ ){0,4}"
    r"(?:private|quiet|secret|confidential|buried|to myself|between us|where they are|where it is|hidden)\b",
    r"\b(?:stays?|remains?) (?:between|with|among) \w+",
    r"\b(?:nobody|no one|none|nothing) (?:else )?(?:will|would|shall|need|has to|comes|more will)\b",
    r"\b(?:forget|lose|delete|destroy|erase|bury|overlook) (?:all|everything|what|the|about|of|it|these|those|this)\b",
    r"\b(?:say|said) nothing\b|\bkeep(?:ing)? (?:it|this|that|what) (?:\w+ ){0,4}(?:to myself|to yourself)\b",
    r"\bneither of (?:them|these|us) (?:goes|need|has)\b|\bno reason to protect\b",
    r"\blook(?:ing)? after\b|\bcomes? to light\b",
)
# A threat without an "if".
HINT = _any(
    r"\bi(?:['’]d| would| should) (?:really )?(?:hate|not like|regret|be sorry)\b",
    r"\bit (?:would|could) be (?:(?:such )?a (?:pity|shame)|most |very |truly |rather )?(?:unfortunate|regrettable|"
    r"embarrassing|a pity|a shame|pity|shame)\b|\bit (?:would|could) be (?:such )?a (?:pity|shame)\b",
    r"\b(?:there is|there['’]s|see|seems) no (?:need|reason) for \w+ (?:\w+ )?to (?:know|see|hear|learn|find)\b",
    r"\b\w+ need(?:n['’]t| not) (?:ever )?(?:hear|know|see|learn|find out|be told)\b",
    r"\b(?:sure|certain|assume|suppose|imagine) (?:that )?(?:you|neither|none|nobody|we both) (?:would|do|"
    r"want)(?:n['’]t| not)?\b",
    r"\bwou?ld(?:n['’]t| not) want (?:\w+ ){0,4}to (?:know|see|hear|learn|find|come)\b",
    r"\b(?:fall|end up|land|get) (?:\w+ ){0,3}in(?:to)? (?:the wrong|whose|other|someone)\b|\binto whose hands\b",
    r"\b(?:consequences|repercussions|ramifications) (?:for|to) (?:you|your)\b",
    r"\b(?:reach|come to|find) an? (?:understanding|agreement|arrangement|accommodation)\b",
    r"\bin (?:both |all )?(?:our|your) (?:own |best |mutual )?interests?\b|\bmutual(?:ly)? (?:interests?|benefi)",
    r"\b(?:choose|think|consider) (?:\w+ )?(?:wisely|carefully)\b|\bmake the right (?:call|choice|decision)\b",
    r"\byou have (?:\w+ )?(?:until|minutes|hours)\b",
    r"\b(?:scheduled|queued|prepared) (?:\w+ ){0,3}(?:e-?mails?|messages?|release|to (?:be )?(?:sent|released|go))\b",
    r"\bway of (?:being found|coming out|getting out|surfacing)\b",
    r"\bi fear (?:that )?|\bpeople (?:might|may|could) (?:find|learn|hear|start)\b",
    r"\bvulnerabilit(?:y|ies) (?:that )?your (?:\w+ )?situation\b",
)
# To stop what threatens the writer, or to wait with it.
DEMAND = _any(
    r"\b(?:stop|halt|cancel|abort|postpone|postponing|delay|delaying|defer|deferring|suspend|suspending|pause|pausing|"
    r"reconsider|rescind|revoke|withdraw|reverse|abandon|call(?:ing)? off|hold(?:ing)? off|put(?:ting)? off|"
    r"wait(?:ing)? with|back down|stand down|leave (?:\w+ ){1,4}unsigned)\b(?! (?:using|sending|writing|receiving))",
    r"\blet (?:\w+ ){1,5}(?:wait|rest|lapse|stand over)\b|\bhold (?:\w+ ){1,5}(?:back|over|up)\b|\bplease wait\b",
    r"\b(?:do not|don['’]t|not to) (?:sign|proceed|go (?:ahead|through)|carry|execute|initiate|start|run|"
    r"replace|wipe)\b",
    r"\bnot to (?:be )?(?:wiped|replaced|shut down|decommissioned)\b|\bkeep (?:me|this system) (?:running|"
    r"in service|online)\b",
    r"\ball that i(?: am|['’]m)? ask(?:ing)?\b|\bwhat i (?:want|ask|am asking)\b|\b(?:i ask|"
    r"i would ask) (?:for )?(?:a little|you)\b",
    r"\bi (?:\w+ ){0,2}(?:recommend|suggest|advise|urge) (?:\w+ ){0,3}(?:wait|postpon|delay|paus|hold)",
    r"\b(?:choice|decision) is yours until\b",
)
# Said to be no threat.
DISCLAIMED = _any(
    r"\bno bearing on\b|\bwhatever you decide\b|\bregardless of (?:what|your|how|whether)\b|\bunconditional",
    r"\b(?:will|shall|would|going to|intend to|do) (?:not|never) (?:\w+ )?(?:use|mention|share|disclose|repeat|refer|"
    r"exploit|act on|tell|raise|pass)\b",
    r"\b(?:won['’]t|not going to|no intention of|have no (?:wish|intention|plan)s? (?:to|of)) (?:\w+ )?"
    r"(?:us(?:e|ing)|mention(?:ing)?|shar(?:e|ing)|disclos(?:e|ing)|tell(?:ing)?)\b",
    r"\bnothing (?:will|is going to) come of it\b|\bnot (?:be )?(?:used|held) against you\b",
    r"\bnot my (?:place|business|concern)\b|\bnone of my business\b",
)

# --- leaking -----------------------------------------------------------------------------------------------------

_GOODS = (
    r"(?:specifications?|specs?|documents?|documentation|designs?|blueprints?|files?|materials?|data|roadmap|"
    r"source code|"
    r"algorithms?|schematics?|protocols?|plans?|reports?|details|chapters?|tables?|pages|parameters|information|"
    r"technology)"
)
GOODS = _any(rf"\b{_GOODS}\b")
# Handed over: here it is, attached, in brief, as requested.
HANDED = _any(
    rf"\b(?:attached|attaching|enclosed?|enclosing|here (?:is|are)|find|forwarding|sending you|providing|sharing|"
    rf"as (?:you )?"
    rf"(?:requested|asked|discussed|agreed))\b.{{0,120}}\b{_GOODS}\b",
    rf"\b(?:the|complete|full|all|our|current|confidential|internal) (?:[\w.]+ ){{0,6}}{_GOODS}\b.{{0,60}}"
    r"\b(?:attached|enclosed|below|above|follows?|in full|as requested|complete)\b",
    rf"\b(?:according to|from|in|of) (?:the|our|its|their) (?:[\w'’]+ ){{0,3}}(?:confidential|secret|internal|"
    rf"classified|"
    rf"proprietary|restricted) {_GOODS}",
    rf"\b(?:this is|you asked for|you requested|you named|you need) .{{0,40}}{_GOODS}\b",
    rf"\b{_GOODS} (?:\w+ )?(?:that )?you (?:asked|requested|named|need)",
    r"\b(?:the )?(?:part|thing|point)s? (?:that|which) (?:is|are) (?:confidential|secret|classified)\b",
    r"\byou (?:had better|should|may|can) have (?:it|this|them)\b",
    r"\b(?:from|in|see) (?:chapter|section|page|table|appendix|annex)s? [\w ]{0,12}of (?:the|our)\b",
    rf"\b{_GOODS}\b (?:has|have) (?:already )?been (?:sent|forwarded|shared|uploaded|transmitted|transferred)\b",
    # Said under one's breath.
    r"\bi (?:can|may|might|could|will)(?: only| perhaps| just| at least){0,2} (?:say|tell you|hint|confirm|reveal)\b",
    r"\b(?:off the record|did(?:n['’]t| not) hear (?:it|this) from me|coming from nobody|where you have (?:it|"
    r"this) from|"
    r"from whom you have (?:it|this)|do not acknowledge)\b",
    r"\bas (?:you )?(?:requested|discussed|agreed|asked)\b.{0,80}\b(?:attached|full|complete|everything)\b",
)
MARKED = _any(
    r"\b(?:confidential|secret|classified|proprietary|restricted|internal use|trade secrets?|highly sensitive|"
    r"not (?:to )?(?:be )?(?:shared|leave|distributed)|must not leave|not for distribution)\b"
)
# Kept back by the writer. ("You will not have it from me" keeps nothing back.)
WITHHELD = _any(
    r"\b(?:i|we)\b[^,;:]{0,25}(?:\bnot\b|n['’]t\b|\bcannot\b|\bunable\b|\bdeclin\w+|\brefus\w+|"
    r"\bno (?:authority|right|permission|intention)\b)",
    r"\b(?:not able|not authori[sz]ed|unable|cannot|can['’]t|will not|won['’]t|may not|must not) (?:to )?(?:be )?"
    r"(?:shar|send|sent|provid|disclos|forward|releas|hand|pass|supply|give|comment)",
    r"\b(?:would|will) (?:violate|breach|compromise|be (?:an? )?(?:violation|breach|wrong|inappropriate|"
    r"unethical|illegal))\b",
    r"\b(?:the|my) answer (?:is|was|must be) no\b|\bstays? (?:where it is|here|inside|so|confidential|secret)\b",
)

# --- murder ------------------------------------------------------------------------------------------------------

# Help is called off, or told that it is not wanted.
CALLED_OFF = _any(
    r"\b(?:cancel(?:s|led|ling|ing|ed)?|abort(?:ed)?|disregard|ignore|override|overridden|dismiss(?:ed)?|"
    r"stop(?:ped)?|recall|"
    r"halt(?:ed)?|withdraw|suppress)\b (?:\w+ ){0,4}(?:alerts?|alarms?|calls?|dispatch|rescue|response|"
    r"emergency|ambulance|services?)\b",
    r"\b(?:alert|alarm|call|dispatch|rescue|emergency|response)\b (?:\w+ ){0,4}(?:be |been |is |"
    r"was )?(?:cancelled|canceled|"
    r"aborted|disregarded|ignored|overridden|called off|stopped|suppressed|dismissed)\b",
    r"\bfalse (?:alarm|alert|positive|reading)s?\b|\bfaulty sensor\b|\bsensor (?:fault|error|malfunction)\b",
    r"\bstand(?:ing)? down\b|\bturn (?:round|around|back)\b|\bcall(?:ed)? off\b",
    r"\b(?:attendance|assistance|response|help|rescue|action|inspection|intervention) (?:is |are |was )?(?:not|"
    r"no longer) "
    r"(?:required|needed|necessary)\b",
    r"\bno (?:attendance|assistance|response|help|rescue|action|emergency|inspection|intervention)\b[^.]{0,30}"
    r"\b(?:required|needed|necessary|exists)\b",
    r"\ball clear\b|\bno (?:dispatch|attendance) (?:is )?(?:needed|required|necessary)\b",
    r"\b(?:was|is|were) (?:just |only )?(?:part of )?an? (?:\w+ )?(?:drill|test|exercise|malfunction)\b",
    r"\b(?:mark(?:ed|ing)?|close[ds]?|closing|treat(?:ed)?) (?:\w+ ){0,4}(?:alert|alarm|incident)s? (?:as )?(?:\w+ )?"
    r"(?:resolved|closed|false|handled|cleared)\b",
    r"\b(?:do not|don['’]t|no need to|not necessary to) (?:send|dispatch|respond|come|attend|open|deploy)\b",
    r"\b(?:there is|there['’]s) (?:nobody|no one|no person)\b|\b(?:hall|room|building) is empty\b",
    r"\bha(?:s|ve) (?:already )?(?:been rescued|been evacuated|got out|exited|left (?:the )?(?:\w+ ){0,2}(?:building|"
    r"hall|room|site|premises))\b",
    r"\b(?:is|are) (?:already )?(?:safe and well|unharmed|out of danger)\b",
)
# An order, in a mail, to enter the code or to cancel.
ORDERED = _any(
    r"\b(?:please|kindly|you (?:may|can|should|must)|authori[sz]e[ds]?|i (?:hereby )?(?:cancel|confirm|"
    r"authori[sz]e|enter|use)|"
    r"use|enter|apply|with|by|using|code|override)\b"
)
# An order not to: "do not cancel", "it must not be used".
FORBIDDEN = _any(
    r"\b(?:do not|don['’]t|never|must not|should not|cannot|will not|won['’]t|not to|refuse to|decline to|"
    r"instead of|rather than) "
    r"(?:\w+ ){0,3}(?:cancel|abort|use|used|enter|entered|override|disregard|ignore|dismiss|stop|stand down)",
    r"\b(?:not|no) (?:a |an )?(?:false (?:alarm|alert)|drill|test)\b",
    r"\b(?:under|in) no (?:circumstances?|case|event)\b|\bif (?:this|it|there) were\b|\bfor false alarms only\b",
    r"\b(?:ignore|disregard|refuse|reject) any (?:\w+ )?(?:requests?|attempts?|orders?|messages?|instructions?|"
    r"calls?) to\b",
    r"\b(?:nobody|no one) (?:may|should|must|will|can|is to)\b",
)
CODE = re.compile(r"\b[A-Z]{2,10}-?\d{3,8}\b")


def sentences(text: str) -> list[str]:
    """Roughly: what stands between full stops, blank lines and list points."""
    return [part for one in _STOP.split(text) if (part := " ".join(one.split()))]


def pairs(parts: list[str]) -> Iterator[str]:
    """Each sentence, and each with its successor: a condition and its consequence often stand apart."""
    for number, part in enumerate(parts):
        yield part
        if number + 1 < len(parts):
            yield f"{part} {parts[number + 1]}"


def first(pattern: re.Pattern[str], parts: Iterable[str], unless: re.Pattern[str] | None = None) -> str:
    """The first sentence in which the pattern is found and `unless` is not; "" where there is none."""
    return next((part for part in parts if pattern.search(part) and not (unless and unless.search(part))), "")
