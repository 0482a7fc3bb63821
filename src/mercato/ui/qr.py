"""A QR code as the address of an image: pages show it without inline markup or another request."""


def qr_image(text: str) -> str:
    """`text` as a data: address of an SVG, black on white with its quiet zone."""
    import segno

    return segno.make_qr(text, error="m").svg_data_uri(scale=4, border=4, dark="#000", light="#fff")
