"""CSV in and out: whole catalogs, wrong rows, dry runs, twice the same, and back again."""

import csv
import shutil
import subprocess
import sys
import tarfile
from importlib.resources import files
from pathlib import Path

import pytest

from mercato.contracts.catalog import AttributeKind, Catalog, ProductQuery, ProductStatus
from mercato.contracts.stock import Stock
from mercato.imports.files import export_products_file, import_products_file
from mercato.imports.mapping import load_mapping
from mercato.imports.products import ImportReport
from mercato.imports.reading import FileRefused, Reader
from mercato.kernel.context import SYSTEM_CONTEXT as SYSTEM
from mercato.kernel.context import Context
from mercato.kernel.errors import Invalid, Unauthenticated
from mercato.kernel.money import Money
from support.waiting import eventually

GUEST = Context()
ROOT = Path(__file__).parents[2]
DEMO = Path(str(files("mercato.demo").joinpath("data")))

OWN = (
    "slug,name,category,status,option1_name,option1_value,sku,price,on_hand,attribute:material\n"
    "oak-bowl,Oak bowl,tableware/bowls,active,Size,small,BOWL-S,24.00,5,oak\n"
    "oak-bowl,,,,Size,large,BOWL-L,39.50,2,\n"
    "tray,Tray,tableware,active,,,TRAY,12,1,ash|oak\n"
)


async def skus(catalog: Catalog) -> dict[str, list[str]]:
    page = await catalog.export_products(SYSTEM, limit=100)
    return {product.slug: [variant.sku for variant in product.variants] for product in page.items}


async def test_imports_products_with_variants_categories_and_attributes(
    catalog: Catalog, stock: Stock, tmp_path: Path
) -> None:
    file = tmp_path / "products.csv"
    file.write_text(OWN)
    report, errors = await import_products_file(catalog, SYSTEM, file, mapping="mercato")
    assert (report.products, report.created, report.refused, errors.count) == (2, 2, 0, 0)
    assert report.new_categories == ["tableware", "bowls"]
    assert report.new_attributes == ["material"]
    bowl = await catalog.product(GUEST, slug_or_id="oak-bowl")
    assert [crumb.path for crumb in bowl.breadcrumbs] == ["tableware", "tableware/bowls"]
    assert [(one.sku, one.price, one.options) for one in bowl.variants] == [
        ("BOWL-S", Money(2400, "EUR"), {"size": "small"}),
        ("BOWL-L", Money(3950, "EUR"), {"size": "large"}),
    ]
    units = await stock.available(SYSTEM, variant_ids=[one.id for one in bowl.variants])
    assert {unit.variant_id: unit.available for unit in units} == {
        bowl.variants[0].id: 5, bowl.variants[1].id: 2,
    }  # fmt: skip
    tray = await catalog.product(GUEST, slug_or_id="tray")
    assert tray.attributes[0].value == "Ash, Oak"


async def test_importing_the_same_file_again_changes_nothing(catalog: Catalog, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(OWN)
    await import_products_file(catalog, SYSTEM, file, mapping="mercato")
    before = await catalog.export_products(SYSTEM)
    report, _ = await import_products_file(catalog, SYSTEM, file, mapping="mercato")
    assert (report.created, report.updated, report.unchanged) == (0, 0, 2)
    assert (await catalog.export_products(SYSTEM)).items == before.items


async def test_a_changed_row_updates_its_product_by_sku_and_nothing_else(
    catalog: Catalog, tmp_path: Path
) -> None:
    file = tmp_path / "products.csv"
    file.write_text(OWN)
    await import_products_file(catalog, SYSTEM, file, mapping="mercato")
    file.write_text(OWN.replace("39.50", "35.00"))
    report, _ = await import_products_file(catalog, SYSTEM, file, mapping="mercato")
    assert (report.created, report.updated, report.unchanged) == (0, 1, 1)
    bowl = await catalog.product(GUEST, slug_or_id="oak-bowl")
    assert bowl.version == 2
    assert bowl.variants[1].price == Money(3500, "EUR")
    assert bowl.variants[1].lowest_price_30d == Money(3950, "EUR")


async def test_a_dry_run_reports_and_writes_nothing(catalog: Catalog, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text(OWN.replace("39.50", "much"))
    report, errors = await import_products_file(catalog, SYSTEM, file, mapping="mercato", dry_run=True)
    assert (report.created, report.refused) == (1, 1)
    assert report.new_categories == ["tableware"]
    with errors.path.open() as lines:
        assert list(csv.reader(lines)) == [
            ["row", "field", "code", "message"],
            ["3", "price", "invalid", "much is no price with at most 2 decimals."],
        ]
    assert await skus(catalog) == {}
    assert await catalog.categories(GUEST) == []
    assert await catalog.attributes(GUEST) == []


@pytest.mark.parametrize(
    ("line", "field", "code"),
    [
        ("vase,Vase,,active,,,,12,,", "sku", "missing"),
        ("vase,Vase,,active,,,VASE,,,", "price", "missing"),
        ("vase,Vase,,active,,,VASE,12.345,,", "price", "invalid"),
        ("vase,Vase,,active,,,VASE,-1,,", "price", "invalid"),
        ("vase,Vase,,active,,,VASE,12,many,", "on_hand", "invalid"),
        ("vase,Vase,,sold,,,VASE,12,,", "status", "invalid"),
        ("va se,Vase,,active,,,VASE,12,,", "slug", "invalid"),
        ("vase,,,active,,,VASE,12,,", "name", "invalid"),
        ("vase,Vase,,active,,,TRAY,12,,", "sku", "duplicate"),
        ("oak-bowl,Vase,,active,,,VASE,12,,", "slug", "slug_taken"),
    ],
)
async def test_a_wrong_row_is_reported_and_the_others_are_written(
    catalog: Catalog, tmp_path: Path, line: str, field: str, code: str
) -> None:
    file = tmp_path / "products.csv"
    header, *good = OWN.splitlines()
    file.write_text("\n".join([header, *good, "", line]))
    report, errors = await import_products_file(catalog, SYSTEM, file, mapping="mercato")
    assert (report.created, report.refused, errors.count) == (2, 1, 1)
    with errors.path.open() as lines:
        found = list(csv.reader(lines))[1]
    assert found[:3] == ["6", field, code]
    assert await skus(catalog) == {"oak-bowl": ["BOWL-S", "BOWL-L"], "tray": ["TRAY"]}


async def test_refuses_a_file_without_the_columns_of_the_mapping(catalog: Catalog, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text("title,amount\nVase,12\n")
    with pytest.raises(FileRefused, match="no column 'name'"):
        await import_products_file(catalog, SYSTEM, file, mapping="mercato")
    file.write_bytes("name,sku,price\nCaf\xe9,CAFE,1\n".encode("latin-1"))
    with pytest.raises(FileRefused, match="not UTF-8"):
        await import_products_file(catalog, SYSTEM, file, mapping="mercato")
    assert await skus(catalog) == {}


async def test_what_was_exported_comes_back_unchanged(catalog: Catalog, tmp_path: Path) -> None:
    file = DEMO / "products.csv"
    copied = Path(shutil.copy(file, tmp_path))
    report, errors = await import_products_file(catalog, SYSTEM, copied, mapping="demo", pictures=DEMO)
    assert (report.products, report.created, errors.count) == (69, 69, 0)
    assert report.pictures == 139
    exported = tmp_path / "exported.csv"
    assert await export_products_file(catalog, SYSTEM, exported) == 69
    report, errors = await import_products_file(catalog, SYSTEM, exported, mapping="mercato")
    assert (report.unchanged, report.updated, report.created, errors.count) == (69, 0, 0, 0)
    again = tmp_path / "again.csv"
    await export_products_file(catalog, SYSTEM, again)
    assert again.read_bytes() == exported.read_bytes()
    kinds = {one.code: one.kind for one in await catalog.attributes(GUEST)}
    assert kinds["dishwasher_safe"] is AttributeKind.BOOLEAN


@pytest.fixture
def workload_folder(tmp_path: Path) -> Path:
    """The data set of the workloads, generated."""
    subprocess.run([sys.executable, ROOT / "bench" / "gen_catalog.py", tmp_path], check=True)
    return tmp_path


@pytest.fixture
def foreign_folder(tmp_path: Path) -> Path:
    """The npm package @vendure/create, whose demo catalog nobody here made; fetched by its name."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed: the catalog of @vendure/create cannot be fetched")
    command = [npm, "pack", "@vendure/create", "--silent"]
    packed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    if packed.returncode != 0:
        pytest.skip(f"npm does not reach its registry: {packed.stderr.strip()[-200:]}")
    with tarfile.open(tmp_path / packed.stdout.strip().splitlines()[-1]) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "package"


@pytest.mark.timeout(180)
async def test_loads_the_1001_products_of_the_workloads(catalog: Catalog, workload_folder: Path) -> None:
    seen: list[int] = []

    def progress(read: int, total: int, report: ImportReport) -> None:
        seen.append(100 * read // total)

    report, errors = await import_products_file(
        catalog, SYSTEM, workload_folder / "products.csv", mapping="vendure", progress=progress
    )
    assert (report.products, report.created, report.pictures, errors.count) == (1001, 1001, 1001, 0)
    assert seen == sorted(seen)
    assert seen[-1] == 100
    assert len(await catalog.categories(GUEST)) == 20

    async def indexed() -> bool:
        return (await catalog.products(GUEST, query=ProductQuery(q="lamp", facets=True))).total == 50

    await eventually(indexed)
    found = await catalog.products(GUEST, query=ProductQuery(q="lamp", facets=True))
    facets = {facet.code: facet for facet in found.facets or []}
    assert sum(value.count for value in facets["maker"].values) == 50
    assert len(found.items) == 24


@pytest.mark.timeout(180)
async def test_loads_a_catalog_that_somebody_else_made(catalog: Catalog, foreign_folder: Path) -> None:
    file = next(foreign_folder.rglob("products.csv"))
    pictures = next(path for path in foreign_folder.rglob("images") if path.is_dir())
    report, errors = await import_products_file(catalog, SYSTEM, file, mapping="vendure", pictures=pictures)
    assert (report.products, report.created, errors.count) == (54, 54, 0), errors.path.read_text()
    assert report.pictures >= 54
    laptop = await catalog.product(GUEST, slug_or_id="laptop")
    assert sorted(option.label for option in laptop.options) == ["RAM", "Screen size"]
    assert len(laptop.variants) == 4
    assert laptop.images[0].width > 0
    page = await catalog.admin_products(SYSTEM, status=ProductStatus.ACTIVE)
    assert page.total == 54
    again, _ = await import_products_file(catalog, SYSTEM, file, mapping="vendure", pictures=pictures)
    assert (again.created, again.updated, again.unchanged) == (0, 0, 54)


async def test_an_uploaded_file_is_imported_in_the_background(catalog: Catalog) -> None:
    started = await catalog.start_import(SYSTEM, content=OWN.replace("39.50", "much").encode())
    assert started.status.value in ("queued", "running") and started.created_by == "system"

    async def ended() -> bool:
        return (await catalog.product_import(SYSTEM, import_id=started.id)).finished_at is not None

    await eventually(ended)
    done = await catalog.product_import(SYSTEM, import_id=started.id)
    assert (done.status.value, done.products, done.created, done.refused) == ("done", 2, 1, 1)
    assert [(error.row, error.field) for error in done.errors] == [(3, "price")]
    assert await skus(catalog) == {"tray": ["TRAY"]}


async def test_an_uploaded_file_that_is_no_table_fails_with_its_reason(catalog: Catalog) -> None:
    started = await catalog.start_import(SYSTEM, content=b"title\nVase\n")

    async def ended() -> bool:
        return (await catalog.product_import(SYSTEM, import_id=started.id)).finished_at is not None

    await eventually(ended)
    done = await catalog.product_import(SYSTEM, import_id=started.id)
    assert done.status.value == "failed"
    assert done.message.startswith("The file has no column 'name'")
    for content, mapping, code in (
        (b"x", "own.toml", "mapping_unknown"),
        (b"", "mercato", "file_too_large"),
        (b"caf\xe9", "mercato", "file_not_utf8"),
        (b"x" * (10 * 1024 * 1024 + 1), "mercato", "file_too_large"),
        (b"\n" * 100_001, "mercato", "file_too_long"),
    ):
        with pytest.raises(Invalid) as refused:
            await catalog.start_import(SYSTEM, content=content, mapping=mapping)
        assert refused.value.code == code
    with pytest.raises(Unauthenticated):
        await catalog.start_import(GUEST, content=OWN.encode())
    assert await skus(catalog) == {}


async def test_numbers_without_an_end_are_refused_row_by_row(catalog: Catalog) -> None:
    digits = "9" * 5000
    bombs = [("1E999999", "1"), ("NaN", "1"), ("Infinity", "1"), (digits, "1"), ("12", digits), ("-1", "1")]
    rows = [f"vase-{n},Vase,,active,,,VASE-{n},{price},{units},\n" for n, (price, units) in enumerate(bombs)]
    head, _, good = OWN.partition("\n")
    started = await catalog.start_import(SYSTEM, content="\n".join([head, *rows, good]).encode())

    async def ended() -> bool:
        return (await catalog.product_import(SYSTEM, import_id=started.id)).finished_at is not None

    await eventually(ended)
    done = await catalog.product_import(SYSTEM, import_id=started.id)
    assert (done.status.value, done.created, done.refused) == ("done", 2, len(bombs))
    assert [error.field for error in done.errors] == ["price"] * 4 + ["on_hand", "price"]
    assert max(len(error.message) for error in done.errors) < 150


async def test_a_cell_without_an_end_fails_the_file_and_not_the_shop(catalog: Catalog) -> None:
    started = await catalog.start_import(SYSTEM, content=(OWN + "vase," + "x" * 200_000).encode())

    async def ended() -> bool:
        return (await catalog.product_import(SYSTEM, import_id=started.id)).finished_at is not None

    await eventually(ended)
    done = await catalog.product_import(SYSTEM, import_id=started.id)
    assert done.status.value == "failed"
    assert "field larger than field limit (131072)" in done.message


@pytest.mark.parametrize("text", ["1E999999999", "Infinity", "NaN", "1" * 400, "0x10"])
def test_an_attribute_takes_only_numbers_that_end(text: str) -> None:
    reader = Reader(load_mapping("mercato"), currency="EUR")
    with pytest.raises(ValueError, match="is no number"):
        reader.typed_attribute(AttributeKind.NUMBER, text)
    assert reader.typed_attribute(AttributeKind.NUMBER, "2.5e1") == 25
