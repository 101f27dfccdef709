"""Products and their variants in GraphQL. No product has a picture, a text, a category or an app's
feedback."""

from decimal import Decimal

from libs.simulator.context import Context
from libs.simulator.field_kinds import (
    NO,
    NOTHING,
    YES,
    Constant,
    Fields,
    Filled,
    Found,
    Id,
    Same,
    Time,
    Upper,
    ids,
)
from libs.simulator.model import Product, Variant
from libs.simulator.money import rounded


def _page(context: Context, product: Product) -> str:
    return f"https://{context.shop.domain}/products/{product.handle}"


def _prices(product: Product) -> list[Decimal]:
    return [rounded(variant.price) for variant in product.variants]


def _variant_name(context: Context, variant: Variant) -> str:
    return f"{context.shop.products[variant.product_id].title} - {variant.title}"


_PRODUCT: Fields = {
    **ids("Product"),
    "title": Same("title"),
    "handle": Same("handle"),
    "vendor": Same("vendor"),
    "productType": Same("product_type"),
    "status": Upper("status"),
    "tags": Constant(()),
    "createdAt": Time("created_at"),
    "updatedAt": Time("updated_at"),
    "publishedAt": Time("created_at"),
    "totalInventory": Same("inventory"),
    "tracksInventory": YES,
    "hasOutOfStockVariants": lambda _, product: any(one.inventory < 1 for one in product.variants),
    "isGiftCard": NO,
    "hasOnlyDefaultVariant": Same("has_default_variant"),
    "requiresSellingPlan": NO,
    "bodyHtml": Constant(""),
    "descriptionHtml": Constant(""),
    "templateSuffix": NOTHING,
    "onlineStorePreviewUrl": _page,
    "onlineStoreUrl": lambda context, product: (
        _page(context, product) if product.status == "active" else None
    ),
    "priceRangeV2": lambda _, product: product,
    "seo": lambda _, product: product,
    "featuredImage": NOTHING,
    "featuredMedia": NOTHING,
    "feedback": NOTHING,
    "category": NOTHING,
}

_VARIANT: Fields = {
    **ids("ProductVariant"),
    "title": Same("title"),
    "displayName": _variant_name,
    "sku": Filled("sku"),
    "barcode": NOTHING,
    "price": lambda _, variant: format(rounded(variant.price), "f"),
    "compareAtPrice": NOTHING,
    "inventoryQuantity": Same("inventory"),
    "position": Same("position"),
    "taxable": YES,
    "createdAt": Time("created_at"),
    "updatedAt": Time("updated_at"),
    "product": Found("products", "product_id"),
    "inventoryItem": lambda _, variant: variant,
    "inventoryPolicy": Constant("DENY"),
    "availableForSale": lambda _, variant: variant.inventory > 0,
    "sellableOnlineQuantity": Same("inventory"),
    "requiresComponents": NO,
    "taxCode": NOTHING,
    "image": NOTHING,
    "selectedOptions": lambda _, variant: (variant,),
}

PRODUCTS: dict[str, Fields] = {
    "Product": _PRODUCT,
    "ProductVariant": _VARIANT,
    "ProductOption": {
        "id": Id("ProductOption"),
        "name": Same("option"),
        "position": Constant(1),
        "values": lambda _, product: tuple(variant.title for variant in product.variants),
    },
    "SelectedOption": {
        "name": lambda context, variant: context.shop.products[variant.product_id].option,
        "value": Same("title"),
        "optionValue": lambda _, variant: variant,
    },
    "ProductOptionValue": {
        "id": Id("ProductOptionValue"),
        "name": Same("title"),
        "hasVariants": YES,
        "swatch": NOTHING,
    },
    "ProductVariantPricePair": {
        "price": lambda _, variant: rounded(variant.price),
        "compareAtPrice": NOTHING,
    },
    "ProductPriceRangeV2": {
        "maxVariantPrice": lambda _, product: max(_prices(product)),
        "minVariantPrice": lambda _, product: min(_prices(product)),
    },
    "SEO": {"title": NOTHING, "description": NOTHING},
    "Image": {
        "id": Id("ProductImage"),
        **dict.fromkeys(("altText", "height", "src", "url", "width"), NOTHING),
    },
}
