"""What a browser says about itself, in words, and whether it is one that its owner has used before. Pure."""

import ipaddress
import re

from mercato.kernel.ids import digest

UNKNOWN = "Unknown device"
V4_NETWORK_BITS = 16
V6_NETWORK_BITS = 32
"""Roughly one provider: whoever moves about in its network is no stranger."""

# In this order: most browsers also name those they descend from.
_BROWSERS = (
    (re.compile(r"\bEdg(?:A|iOS)?/"), "Edge"),
    (re.compile(r"\bOPR/|\bOpera\b"), "Opera"),
    (re.compile(r"\bSamsungBrowser/"), "Samsung Internet"),
    (re.compile(r"\bFirefox/|\bFxiOS/"), "Firefox"),
    (re.compile(r"\bChrome/|\bCriOS/|\bChromium/"), "Chrome"),
    (re.compile(r"\bVersion/[\d.]+.*\bSafari/"), "Safari"),
)
_SYSTEMS = (
    (re.compile(r"\biPhone\b"), "iPhone"),
    (re.compile(r"\biPad\b"), "iPad"),
    (re.compile(r"\bAndroid\b"), "Android"),
    (re.compile(r"\bWindows\b"), "Windows"),
    (re.compile(r"\bCrOS\b"), "ChromeOS"),
    (re.compile(r"\bMac OS X\b|\bMacintosh\b"), "macOS"),
    (re.compile(r"\bLinux\b|\bX11\b"), "Linux"),
)
_PROGRAM = re.compile(r"^([A-Za-z][\w.+-]{0,40})(?:/|$)")


def device_of(user_agent: str) -> str:
    """`Firefox on Windows`, the program's name for programs, or `Unknown device`."""
    browser = next((name for pattern, name in _BROWSERS if pattern.search(user_agent)), "")
    system = next((name for pattern, name in _SYSTEMS if pattern.search(user_agent)), "")
    if browser and system:
        return f"{browser} on {system}"
    program = _PROGRAM.match(user_agent)
    if not browser and not system and program is not None and program[1] != "Mozilla":
        return program[1]
    return browser or system or UNKNOWN


def network_of(client_address: str) -> str:
    """The network that an address belongs to; the text itself when it is no address."""
    try:
        address = ipaddress.ip_address(client_address)
    except ValueError:
        return client_address
    bits = V4_NETWORK_BITS if address.version == 4 else V6_NETWORK_BITS
    return str(ipaddress.ip_network(f"{address}/{bits}", strict=False))


def fingerprint_of(user_agent: str, client_address: str) -> bytes:
    """What a device is known by: its kind and its network, hashed."""
    return digest(f"{device_of(user_agent)}\0{network_of(client_address)}")
