"""What a generated shop sells and the names of its customers, in many scripts."""

from decimal import Decimal

from libs.simulator.model import (
    DEFAULT_TITLE,
    Collection,
    Presentment,
    Product,
    Variant,
)

PRODUCTS_BASE = 2_310_000_000_000_000_000
_VARIANTS_BASE = 2_320_000_000_000_000_000
_VARIANT_STEP = 10
_COLLECTIONS_BASE = 2_300_000_000_000_000_000

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
_CHEAP = Decimal(20)
_OPTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Title", (DEFAULT_TITLE,)),
    ("Size", ("S", "M", "L")),
    ("Colour", ("Natural", "Indigo blue")),
    ("Size", ("XS", "S", "M", "L", "XL", "2XL / tall")),
    ("Colour", ("Écru", "Moss", "Brick", "墨色")),
    ("Size", ("10 cm", "15 cm", "20 cm", "25 cm", '12"')),
)
_MAKES = ("Linen", "Woollen", "Oak", "Brass", "Bone china", "Recycled", "Hand-dyed", "Kraft")
_THINGS = (
    *("notebook", "mug", "lamp", "scarf", "tray", "Tee 'M/L'", "pen & case", "blanket"),
    *("café press", "Käsebrett", "湯呑み", "vase", "calendar", "apron", "clock"),
)


def products(began: int) -> list[Product]:
    """The same for every seed: one to six variants each, a tenth no longer sold."""
    made = []
    for place in range(len(_MAKES) * len(_THINGS)):
        thing, make = divmod(place, len(_MAKES))
        option, titles = _OPTIONS[(thing + make) % len(_OPTIONS)]
        made.append(
            Product(
                id=PRODUCTS_BASE + place,
                title=f"{_MAKES[make]} {_THINGS[thing]}",
                variants=_variants(place, titles, began),
                created_at=began,
                updated_at=began,
                vendor="Bluebird Supply",
                product_type=_THINGS[thing].capitalize(),
                status="active" if (place + 1) % _ARCHIVED else "archived",
                option=option,
            )
        )
    return made


def _variants(place: int, titles: tuple[str, ...], began: int) -> tuple[Variant, ...]:
    """The larger or later, the dearer."""
    cents = 390 + (place * 7_919) % 9_600
    return tuple(
        Variant(
            id=_VARIANTS_BASE + place * _VARIANT_STEP + index,
            product_id=PRODUCTS_BASE + place,
            sku=f"BB-{place:04}-{index + 1}" if len(titles) > 1 else f"BB-{place:04}",
            price=Decimal(cents + index * (50 + cents // 20)) * Decimal("0.01"),
            created_at=began,
            updated_at=began,
            title=title,
            position=index + 1,
            inventory=(place * 31 + index * 17) % 140,
        )
        for index, title in enumerate(titles)
    )


def collections(products: list[Product]) -> tuple[Collection, ...]:
    """One for each make, what costs little, and one that is still empty."""
    members: dict[str, list[Product]] = {make: [] for make in _MAKES}
    for product in products:
        members[_MAKES[(product.id - PRODUCTS_BASE) % len(_MAKES)]].append(product)
    cheap = [product for product in products if product.variants[0].price < _CHEAP]
    chosen = {**members, "Gifts under €20": cheap, "Coming soon": []}
    began = products[0].created_at
    return tuple(
        Collection(_COLLECTIONS_BASE + place, title, tuple(one.id for one in ones), began, began)
        for place, (title, ones) in enumerate(chosen.items())
    )
