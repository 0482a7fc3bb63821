"""Fields of the index. One document is one product in one channel."""

import tantivy

VERSION = 1
"""Raise it when fields or their meaning change: each host then builds its index anew."""

STEMMED = "stemmed"
FOLDED = "folded"

KEY = "key"
"""`<channel>/<product id>`: what a document is replaced by."""


def build_schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for name in (KEY, "version"):
        builder.add_text_field(name, stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("channel", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("name", tokenizer_name=STEMMED)
    builder.add_text_field("body", tokenizer_name=STEMMED)
    # Typing errors and beginnings of words are matched against words as they are written.
    builder.add_text_field("words", tokenizer_name=FOLDED, index_option="freq")
    builder.add_text_field("name_order", fast=True, tokenizer_name="raw", index_option="basic")
    for name in ("category", "collection", "maker"):
        builder.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_json_field("attributes", fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("price", indexed=True, fast=True)
    for name in ("featured", "created", "card_key"):
        builder.add_unsigned_field(name, fast=True)
    for name in ("in_stock", "on_sale"):
        builder.add_boolean_field(name, indexed=True)
    builder.add_bytes_field("card", stored=True)
    return builder.build()


def folding() -> tantivy.TextAnalyzer:
    """Words without case and accents."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    return builder.filter(tantivy.Filter.lowercase()).filter(tantivy.Filter.ascii_fold()).build()


def stemming() -> tantivy.TextAnalyzer:
    """Words without case, accents and English endings."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    builder = builder.filter(tantivy.Filter.lowercase()).filter(tantivy.Filter.ascii_fold())
    return builder.filter(tantivy.Filter.stemmer("english")).build()
