"""What PostgreSQL does with the statements of a store: tables that are read from end to end."""

import re

from mercato.kernel.db import Pool


async def whole_reads(url: str, sql: str, *, schema: str) -> set[str]:
    """The tables of `schema` that `sql` reads whole, planned as a connection of the shop plans it."""
    pool = Pool(url, size=1)
    connection = await pool.take()
    try:
        await connection.execute(f"prepare examined as {sql}")
        count = max((int(number) for number in re.findall(r"\$(\d+)", sql)), default=0)
        values = f"({', '.join(['null'] * count)})" if count else ""
        rows = await connection.fetch(f"explain (verbose, costs off) execute examined{values}")
    finally:
        pool.give(connection)
        await pool.close()
    plan = "\n".join(row[0] for row in rows)
    return set(re.findall(rf"Seq Scan on {schema}\.(\w+)", plan))
