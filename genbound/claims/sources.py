"""The literature behind the claims: every reference once, as data that turns itself into a citation or BibTeX.

Titles, venues, years, volumes, pages and identifiers were looked up, not remembered; what could not be confirmed is
left out. The same rule holds for places inside a paper: a `Citation` prints its locator only when it is verified.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from genbound.errors import domain_error

Kind = Literal["article", "inproceedings", "book", "mastersthesis", "misc"]

_VENUE = dict(zip(get_args(Kind), ("journal", "booktitle", "publisher", "school", "howpublished"), strict=True))
_RESOLVER = {"arXiv": "https://arxiv.org/abs/", "doi": "https://doi.org/", "numdam": "https://www.numdam.org/item/"}
_PLACE = re.compile(r"(?P<volume>\d+)?(?:\((?P<number>\d+)\))?(?::(?P<pages>\d+-\d+))?", re.ASCII)
_IDENTIFIER = re.compile(r"((arXiv|doi|numdam|isbn):\S+)?")
_AUTHOR = re.compile(r"\S[^,]*, \S[^,]*")
_KEY = re.compile(r"[a-z]+\d{4}[a-z]*", re.ASCII)
_ACCENTS = dict(zip("\u0301\u0300\u0302\u0308\u0303\u030c\u030b\u0327", "'`^\"~vHc", strict=True))  # combining marks
_SPECIAL = {char: "\\" + char for char in "&%$#_"}


@dataclass(frozen=True)
class Source:
    """A paper, book or thesis.

    Args:
        key: its BibTeX key, family name and year in lower case.
        authors: "Family, Given", in the order of the paper, in Unicode.
        title, year: of the publication cited here, in Unicode.
        venue: journal, proceedings, publisher (of a book) or school (of a thesis).
        identifier: "arXiv:...", "doi:...", "numdam:..." or "isbn:..." (of the proceedings, if the paper has none of
            its own); empty when none could be confirmed.
        kind: the BibTeX entry type.
        place: "volume(number):first-last", each part optional.

    Raises:
        DomainError: an empty field, an unknown kind or scheme, an author not written "Family, Given".

    >>> source = SOURCES["maurer2009"]
    >>> source.short(), source.url
    ('Maurer and Pontil (2009)', 'https://arxiv.org/abs/0907.3740')
    """

    key: str
    authors: tuple[str, ...]
    title: str
    year: int
    venue: str
    identifier: str = ""
    kind: Kind = "article"
    place: str = ""

    def __post_init__(self) -> None:
        rules = {
            "key": (_KEY.fullmatch(self.key), "a lower-case name and a year"),
            "authors": (self.authors and all(map(_AUTHOR.fullmatch, self.authors)), "one 'Family, Given' or more"),
            "title": (self.title.strip(), "text"),
            "year": (1600 <= self.year <= 9999, "four digits"),
            "venue": (self.venue.strip(), "text"),
            "identifier": (_IDENTIFIER.fullmatch(self.identifier), "arXiv:, doi:, numdam: or isbn: and a name"),
            "kind": (self.kind in _VENUE, f"one of {list(_VENUE)}"),
            "place": (_PLACE.fullmatch(self.place), "volume(number):first-last"),
        }
        for field, (good, domain) in rules.items():
            if not good:
                raise domain_error(field, getattr(self, field), domain, f"source {self.key}")

    @property
    def url(self) -> str:
        """Where it can be read; empty for a book number or when there is no identifier."""
        scheme, _, rest = self.identifier.partition(":")
        return _RESOLVER[scheme] + rest if scheme in _RESOLVER else ""

    def short(self) -> str:
        """Author and year as they stand in a sentence.

        >>> SOURCES["finzi2025"].short(), SOURCES["ville1939"].short()
        ('Finzi et al. (2025)', 'Ville (1939)')
        """
        family = [author.split(",")[0] for author in self.authors]
        names = " and ".join(family) if len(family) < 3 else f"{family[0]} et al."
        return f"{names} ({self.year})"

    def bibtex(self) -> str:
        """The BibTeX entry in plain ASCII, its fields always in the same order.

        >>> print(SOURCES["freedman1975"].bibtex())
        @article{freedman1975,
          author = {Freedman, David A.},
          title = {{On Tail Probabilities for Martingales}},
          journal = {The Annals of Probability},
          volume = {3},
          number = {1},
          pages = {100--118},
          year = {1975},
          doi = {10.1214/aop/1176996452},
          url = {https://doi.org/10.1214/aop/1176996452}
        }
        """
        fields = ",\n".join(f"  {name} = {{{value}}}" for name, value in self._fields() if value)
        return f"@{self.kind}{{{self.key},\n{fields}\n}}"

    def _fields(self) -> Iterator[tuple[str, str]]:
        yield "author", " and ".join(_latex(author) for author in self.authors)
        yield "title", f"{{{_latex(self.title)}}}"  # the inner braces keep the capitals
        yield _VENUE[self.kind], _latex(self.venue)
        place = _PLACE.fullmatch(self.place)
        for name, value in (place.groupdict("") if place else {}).items():
            yield name, value.replace("-", "--")
        yield "year", str(self.year)
        scheme, _, rest = self.identifier.partition(":")
        if scheme == "arXiv":
            yield "eprint", rest
            yield "archiveprefix", "arXiv"
        elif scheme in ("doi", "isbn"):
            yield scheme, rest
        yield "url", self.url


@dataclass(frozen=True)
class Citation:
    """A source and the place in it; the place is printed only when somebody looked and found it there.

    Args:
        source: the paper.
        locator: "Theorem 3.1", "Section 2", ...
        verified: the locator was confirmed against the paper or against others who quote it.

    >>> print(Citation(SOURCES["finzi2025"], "Theorem 3.1", verified=True))
    Finzi et al. (2025), Theorem 3.1
    >>> print(Citation(SOURCES["finzi2025"], "Theorem 99"))
    Finzi et al. (2025)
    """

    source: Source
    locator: str = ""
    verified: bool = False

    def __str__(self) -> str:
        return f"{self.source.short()}, {self.locator}" if self.locator and self.verified else self.source.short()


def _latex(text: str) -> str:
    """Text as ASCII LaTeX: accents become commands, special characters are escaped (BibTeX counts escaped braces).

    >>> print(_latex("Szepesvári & Co."), _latex("QuIP#"))
    Szepesv{\\'{a}}ri \\& Co. QuIP\\#
    """
    written = []
    for char in unicodedata.normalize("NFC", text):
        base, *marks = unicodedata.normalize("NFD", char)
        if len(marks) == 1 and marks[0] in _ACCENTS and base.isascii():
            written.append(f"{{\\{_ACCENTS[marks[0]]}{{{base}}}}}")
        elif char.isascii() and char.isprintable() and char not in "\\~^{}":
            written.append(_SPECIAL.get(char, char))
        else:
            raise domain_error("text", char, "ASCII and accented Latin letters", "BibTeX field")
    return "".join(written)


def _of(key: str, authors: str, title: str, venue: str, place: str = "", identifier: str = "",
        kind: Kind = "article") -> Source:  # fmt: skip
    """A row of the table: authors joined by " and ", the year taken from the key."""
    year = int(re.sub(r"\D", "", key))
    return Source(key, tuple(authors.split(" and ")), title, year, venue, identifier, kind, place)


_NEURIPS = "Advances in Neural Information Processing Systems"
_ICML = "International Conference on Machine Learning"
_ICLR = "International Conference on Learning Representations"
_COLT = "Conference on Learning Theory"
_IT = "IEEE Transactions on Information Theory"
_JASA = "Journal of the American Statistical Association"

# fmt: off
_TABLE = (
    # language models: the bounds, their codes, scaling and quantization
    _of("finzi2025", "Finzi, Marc and Kapoor, Sanyam and Granziol, Diego and Gu, Anming and De Sa, Christopher"
        " and Kolter, J. Zico and Wilson, Andrew Gordon", "Compute-Optimal LLMs Provably Generalize Better with Scale",
        _ICLR, identifier="arXiv:2504.15208", kind="inproceedings"),
    _of("lotfi2024", "Lotfi, Sanae and Kuang, Yilun and Amos, Brandon and Goldblum, Micah and Finzi, Marc"
        " and Wilson, Andrew Gordon", "Unlocking Tokens as Data Points for Generalization Bounds on Larger Language"
        " Models", _NEURIPS, "37:9229-9256", "arXiv:2407.18158", "inproceedings"),
    _of("lotfi2024icml", "Lotfi, Sanae and Finzi, Marc and Kuang, Yilun and Rudner, Tim G. J. and Goldblum, Micah"
        " and Wilson, Andrew Gordon", "Non-Vacuous Generalization Bounds for Large Language Models",
        _ICML, "235:32801-32818", "arXiv:2312.17173", "inproceedings"),
    _of("qiu2026", "Qiu, Shikai and Finzi, Marc and Zheng, Yujia and Zhang, Kun and Wilson, Andrew Gordon",
        "Requential Coding: Pushing the Limits of Model Compression with Self-Generated Training Data",
        "arXiv preprint", identifier="arXiv:2607.11883", kind="misc"),
    _of("finzi2026", "Finzi, Marc and Qiu, Shikai and Jiang, Yiding and Izmailov, Pavel and Kolter, J. Zico"
        " and Wilson, Andrew Gordon", "From Entropy to Epiplexity: Rethinking Information for Computationally Bounded"
        " Intelligence", "arXiv preprint", identifier="arXiv:2601.03220", kind="misc"),
    _of("hoffmann2022", "Hoffmann, Jordan and Borgeaud, Sebastian and Mensch, Arthur and Buchatskaya, Elena"
        " and Cai, Trevor and Rutherford, Eliza and de Las Casas, Diego and Hendricks, Lisa Anne and Welbl, Johannes"
        " and Clark, Aidan and Hennigan, Tom and Noland, Eric and Millican, Katie and van den Driessche, George"
        " and Damoc, Bogdan and Guy, Aurelia and Osindero, Simon and Simonyan, Karen and Elsen, Erich"
        " and Rae, Jack W. and Vinyals, Oriol and Sifre, Laurent", "Training Compute-Optimal Large Language Models",
        "arXiv preprint", identifier="arXiv:2203.15556", kind="misc"),
    _of("besiroglu2024", "Besiroglu, Tamay and Erdil, Ege and Barnett, Matthew and You, Josh",
        "Chinchilla Scaling: A Replication Attempt", "arXiv preprint", identifier="arXiv:2404.10102", kind="misc"),
    _of("chee2023", "Chee, Jerry and Cai, Yaohui and Kuleshov, Volodymyr and De Sa, Christopher",
        "QuIP: 2-Bit Quantization of Large Language Models With Guarantees",
        _NEURIPS, "36:4396-4429", "arXiv:2307.13304", "inproceedings"),
    _of("tseng2024", "Tseng, Albert and Chee, Jerry and Sun, Qingyao and Kuleshov, Volodymyr and De Sa, Christopher",
        "QuIP#: Even Better LLM Quantization with Hadamard Incoherence and Lattice Codebooks",
        _ICML, "235", "arXiv:2402.04396", "inproceedings"),
    _of("frantar2023", "Frantar, Elias and Ashkboos, Saleh and Hoefler, Torsten and Alistarh, Dan",
        "OPTQ: Accurate Quantization for Generative Pre-trained Transformers",  # arXiv 2210.17323 calls it GPTQ
        _ICLR, identifier="arXiv:2210.17323", kind="inproceedings"),
    # sums and martingales
    _of("ville1939", "Ville, Jean", "Étude critique de la notion de collectif", "Gauthier-Villars",
        identifier="numdam:THESE_1939__218__1_0", kind="book"),
    _of("bennett1962", "Bennett, George", "Probability Inequalities for the Sum of Independent Random Variables",
        _JASA, "57(297):33-45", "doi:10.1080/01621459.1962.10482149"),
    _of("hoeffding1963", "Hoeffding, Wassily", "Probability Inequalities for Sums of Bounded Random Variables",
        _JASA, "58(301):13-30", "doi:10.1080/01621459.1963.10500830"),
    _of("azuma1967", "Azuma, Kazuoki", "Weighted Sums of Certain Dependent Random Variables",
        "Tohoku Mathematical Journal", "19(3):357-367", "doi:10.2748/tmj/1178243286"),
    _of("freedman1975", "Freedman, David A.", "On Tail Probabilities for Martingales",
        "The Annals of Probability", "3(1):100-118", "doi:10.1214/aop/1176996452"),
    _of("kaplan1987", "Kaplan, H. M.", "A Method of One-sided Nonparametric Inference for the Mean of a Nonnegative"
        " Population", "The American Statistician", "41(2):157-158", "doi:10.1080/00031305.1987.10475470"),
    _of("audibert2009", "Audibert, Jean-Yves and Munos, Rémi and Szepesvári, Csaba",
        "Exploration-Exploitation Tradeoff Using Variance Estimates in Multi-Armed Bandits",
        "Theoretical Computer Science", "410(19):1876-1902", "doi:10.1016/j.tcs.2009.01.016"),
    _of("maurer2009", "Maurer, Andreas and Pontil, Massimiliano",
        "Empirical Bernstein Bounds and Sample Variance Penalization",
        _COLT, ":115-124", "arXiv:0907.3740", "inproceedings"),
    _of("honda2010", "Honda, Junya and Takemura, Akimichi",
        "An Asymptotically Optimal Bandit Algorithm for Bounded Support Models", _COLT, ":67-79", kind="inproceedings"),
    _of("cappe2013", "Cappé, Olivier and Garivier, Aurélien and Maillard, Odalric-Ambrym and Munos, Rémi"
        " and Stoltz, Gilles", "Kullback-Leibler Upper Confidence Bounds for Optimal Sequential Allocation",
        "The Annals of Statistics", "41(3):1516-1541", "doi:10.1214/13-AOS1119"),
    _of("fan2015", "Fan, Xiequan and Grama, Ion and Liu, Quansheng",
        "Exponential Inequalities for Martingales with Applications",
        "Electronic Journal of Probability", "20:1-22", "doi:10.1214/EJP.v20-3496"),
    _of("howard2021", "Howard, Steven R. and Ramdas, Aaditya and McAuliffe, Jon and Sekhon, Jasjeet",
        "Time-Uniform, Nonparametric, Nonasymptotic Confidence Sequences",
        "The Annals of Statistics", "49(2):1055-1080", "doi:10.1214/20-AOS1991"),
    _of("mineiro2022", "Mineiro, Paul", "A Lower Confidence Sequence for the Changing Mean of Non-Negative Right"
        " Heavy-Tailed Observations with Bounded Mean", "arXiv preprint", identifier="arXiv:2210.11133", kind="misc"),
    _of("orabona2024", "Orabona, Francesco and Jun, Kwang-Sung",
        "Tight Concentrations and Confidence Sequences From the Regret of Universal Portfolio",
        _IT, "70(1):436-455", "doi:10.1109/TIT.2023.3330187"),
    _of("waudbysmith2024", "Waudby-Smith, Ian and Ramdas, Aaditya",
        "Estimating Means of Bounded Random Variables by Betting",
        "Journal of the Royal Statistical Society Series B", "86(1):1-27", "doi:10.1093/jrsssb/qkad009"),
    # codes and entropies
    _of("kraft1949", "Kraft, Leon G.", "A Device for Quantizing, Grouping, and Coding Amplitude-Modulated Pulses",
        "Massachusetts Institute of Technology", kind="mastersthesis"),
    _of("mcmillan1956", "McMillan, Brockway", "Two Inequalities Implied by Unique Decipherability",
        "IRE Transactions on Information Theory", "2(4):115-116", "doi:10.1109/TIT.1956.1056818"),
    _of("donsker1975", "Donsker, M. D. and Varadhan, S. R. S.",
        "Asymptotic Evaluation of Certain Markov Process Expectations for Large Time, I",
        "Communications on Pure and Applied Mathematics", "28(1):1-47", "doi:10.1002/cpa.3160280102"),
    _of("elias1975", "Elias, Peter", "Universal Codeword Sets and Representations of the Integers",
        _IT, "21(2):194-203", "doi:10.1109/TIT.1975.1055349"),
    _of("lin1991", "Lin, Jianhua", "Divergence Measures Based on the Shannon Entropy",
        _IT, "37(1):145-151", "doi:10.1109/18.61115"),
    # posteriors, single draws, data-dependent priors, progressive validation
    _of("blum1999", "Blum, Avrim and Kalai, Adam and Langford, John",
        "Beating the Hold-Out: Bounds for K-fold and Progressive Cross-Validation",
        "Conference on Computational Learning Theory", ":203-208", "doi:10.1145/307400.307439", "inproceedings"),
    _of("mcallester1999", "McAllester, David A.", "PAC-Bayesian Model Averaging",
        "Conference on Computational Learning Theory", ":164-170", "doi:10.1145/307400.307435", "inproceedings"),
    _of("cesabianchi2004", "Cesa-Bianchi, Nicolò and Conconi, Alex and Gentile, Claudio",
        "On the Generalization Ability of On-Line Learning Algorithms",
        _IT, "50(9):2050-2057", "doi:10.1109/TIT.2004.833339"),
    _of("ambroladze2006", "Ambroladze, Amiran and Parrado-Hernández, Emilio and Shawe-Taylor, John",
        "Tighter PAC-Bayes Bounds", _NEURIPS, "19", "isbn:0-262-19568-2", "inproceedings"),
    _of("blanchard2007", "Blanchard, Gilles and Fleuret, François", "Occam's Hammer", _COLT,
        identifier="isbn:978-3-540-72927-3", kind="inproceedings"),
    _of("catoni2007", "Catoni, Olivier",
        "PAC-Bayesian Supervised Classification: The Thermodynamics of Statistical Learning",
        "Institute of Mathematical Statistics, Lecture Notes-Monograph Series 56",
        identifier="doi:10.1214/074921707000000391", kind="book"),
    _of("seldin2012", "Seldin, Yevgeny and Laviolette, François and Cesa-Bianchi, Nicolò and Shawe-Taylor, John"
        " and Auer, Peter", "PAC-Bayesian Inequalities for Martingales", _IT, "58(12):7086-7093", "arXiv:1110.6886"),
    _of("rivasplata2020", "Rivasplata, Omar and Kuzborskij, Ilja and Szepesvári, Csaba and Shawe-Taylor, John",
        "PAC-Bayes Analysis Beyond the Usual Bounds", _NEURIPS, "33:16833-16845", "arXiv:2006.13057", "inproceedings"),
    _of("dziugaite2021", "Dziugaite, Gintare Karolina and Hsu, Kyle and Gharbieh, Waseem and Arpino, Gabriel"
        " and Roy, Daniel", "On the Role of Data in PAC-Bayes Bounds", "International Conference on Artificial"
        " Intelligence and Statistics", "130:604-612", "arXiv:2006.10929", "inproceedings"),
    _of("chugg2023", "Chugg, Ben and Wang, Hongjian and Ramdas, Aaditya",
        "A Unified Recipe for Deriving (Time-Uniform) PAC-Bayes Bounds",
        "Journal of Machine Learning Research", "24(372):1-61", "arXiv:2302.03421"),
)
# fmt: on

SOURCES: Mapping[str, Source] = MappingProxyType({source.key: source for source in _TABLE})
"""Every reference by its key."""
