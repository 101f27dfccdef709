"""What a generated shop sells and the names of its customers, in many scripts."""

from decimal import Decimal

from libs.simulator.model import Presentment, Product

PRODUCTS_BASE = 2_310_000_000_000_000_000
_VARIANTS_BASE = 2_320_000_000_000_000_000
_VARIANT_STEP = 10

NAMES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("Anna", "Jürgen", "Sören", "Käthe", "Lukas", "Björn", "Zoë", "Franziska"),
        ("Müller", "Groß", "Schröder", "Weiß", "Jäger", "Köhler", "Ångström", "Bauer"),
    ),
    (
        ("Grace", "Ada", "Alan", "Edith", "Conor", "Siobhán", "Rhys", "Maya"),
        ("Hopper", "O'Brien", "Smith-Jones", "Clarke", "Ferguson", "Lovelace", "Patel", "Reid"),
    ),
    (
        ("José", "Íñigo", "Lucía", "Begoña", "Joaquín", "María José", "Ramón", "Inés"),
        ("Ñandú", "García", "Peña", "Ibáñez", "Muñoz", "Gutiérrez", "Núñez", "de la Cruz"),
    ),
    (
        ("Zoé", "François", "Chloé", "Anaïs", "Benoît", "Hélène", "Maëlle", "Loïc"),
        ("Lefèvre", "D'Aubigné", "Çelik", "Boÿer", "Noël", "Gérard", "Hervé", "Lacroix"),
    ),
    (
        ("太郎", "花子", "健", "美咲", "陽翔", "さくら"),
        ("田中", "佐藤", "鈴木", "髙橋", "渡邉", "小林"),
    ),
    (
        ("محمد", "فاطمة", "أحمد", "ليلى", "يوسف"),
        ("عربى", "الحسن", "منصور", "خليل", "حداد"),
    ),
    (
        ("Ελένη", "Γιώργος", "Μαρία", "Νίκος", "Σοφία"),
        ("Ελληνικά", "Παπαδόπουλος", "Οικονόμου", "Νικολάου", "Δημητρίου"),
    ),
    (
        ("Łukasz", "Zofia", "Jiří", "Žofie", "Małgorzata"),
        ("Wiśniewski", "Dvořák", "Kováč", "Błaszczyk", "Şahin"),
    ),
    (
        ("Олена", "Тарас", "Иван", "Юлия"),  # noqa: RUF001
        ("Шевченко", "Ковальчук", "Петров", "Ёлкина"),
    ),
    (
        ("민준", "서연", "지훈", "अनिल", "प्रिया"),
        ("김", "이", "박", "शर्मा", "वर्मा"),
    ),
)

PRESENTMENTS = (
    Presentment("USD", Decimal("1.0837"), Decimal("0.01")),
    Presentment("GBP", Decimal("0.8512"), Decimal("0.01")),
    Presentment("JPY", Decimal("163.41"), Decimal(1)),
    Presentment("CHF", Decimal("0.9586"), Decimal("0.01")),
    Presentment("SEK", Decimal("11.4725"), Decimal("0.01")),
)

_ARCHIVED = 10
_MAKES = ("Linen", "Woollen", "Oak", "Brass", "Bone china", "Recycled", "Hand-dyed", "Kraft")
_THINGS = (
    *("notebook", "mug", "lamp", "scarf", "tray", "Tee 'M/L'", "pen & case", "blanket"),
    *("café press", "Käsebrett", "湯呑み", "vase", "calendar", "apron", "clock"),
)


def products(began: int) -> list[Product]:
    """The same for every seed; a tenth are no longer sold."""
    made = []
    for place in range(len(_MAKES) * len(_THINGS)):
        thing, make = divmod(place, len(_MAKES))
        cents = 390 + (place * 7_919) % 9_600
        made.append(
            Product(
                id=PRODUCTS_BASE + place,
                variant_id=_VARIANTS_BASE + place * _VARIANT_STEP,
                title=f"{_MAKES[make]} {_THINGS[thing]}",
                sku=f"BB-{place:04}",
                price=Decimal(cents) * Decimal("0.01"),
                created_at=began,
                updated_at=began,
                vendor="Bluebird Supply",
                product_type=_THINGS[thing].capitalize(),
                status="active" if (place + 1) % _ARCHIVED else "archived",
            )
        )
    return made
