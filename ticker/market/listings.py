"""The companies of an invented exchange. Any likeness to a real listing is chance; none of these can be bought."""

from ticker.instruments import Instrument, Universe

_LISTED = {
    "Technology": """
        ACME Acme Anvils & Automation 187.32|BYTE Byteworks Unlimited 243.10|CLWD Cloudberry Computing 96.45
        QBIT Qubit & Daughters 318.77|RBOT Politely Robotic 54.20|LOOP Infinite Loop Theory 71.08
        NULL Null Island Software 33.33|PIXL Pixel Foundry 128.64|SYNX Syntax Tree Nurseries 62.15""",
    "Energy": """
        WNDY Windy Ridge Power 41.90|SUNE Sunny Side Energy 88.12|TIDE Moonpull Tidal 23.47
        GEYS Geyser & Steam 67.30|VOLT Voltaire Electric 152.05|ATOM Small Atoms Co-operative 205.60
        PEAT Peat Bog Reserves 11.85|FLUX Flux Storage 36.74|KITE High Kite Generation 19.26""",
    "Materials": """
        ANVL Heavy Anvil Works 58.81|COPR Copper Kettle Mining 44.02|GRNT Granite & Grandsons 77.93
        SAND Hourglass Sand 15.48|TINN Tin Roof Metals 29.67|LIMB Limber Timber 38.25
        GLUE Universal Glue 63.50|CLAY Clay Pigeon Ceramics 21.19|SALT Old Salt Works 49.36""",
    "Industrials": """
        BOLT Nut & Bolt Brothers 104.71|GEAR Gearbox Alley 83.29|CRNE Crane & Heron 137.48
        PUMP Perpetual Pumps 26.83|RAIL Parallel Rail 116.90|SHIP Bottled Ships 57.04
        DRIL Drill Bit Dentistry Tools 92.38|LIFT Going Up Elevators 70.55|WELD Sparks Welding 31.72""",
    "Consumer": """
        SOCK Odd Socks International 18.64|TEAS Three Teas 47.81|BRED Daily Bread Mills 35.09
        JAMS Traffic Jams & Jellies 27.42|HATS Many Hats 61.77|TOYZ Wind-Up Toys 43.15
        SOAP Slippery Soap 52.98|LAMP Genie Lamps 79.20|BIKE Two Wheel Theory 39.63""",
    "Health": """
        PILL Bitter Pill Laboratories 164.25|PULS Steady Pulse 98.70|BONE Funny Bone Orthopaedics 53.46
        VITA Vital Vitamins 28.91|GENE Blue Gene Therapeutics 221.34|LENS Clear Lens Optical 86.57
        NAPS Forty Winks Sleep Care 24.08|MEND Mend & Make Do 45.72|DOSE Second Dose 112.66""",
    "Finance": """
        BANK First Bank of Nowhere 68.44|COIN Loose Coin Exchange 156.83|LOAN Friendly Loan 32.57
        RISK Calculated Risk 91.26|VALT Deep Vault 174.09|PIGY Piggy Savings 20.75
        HEDG Hedge & Garden 134.18|CHEK Reality Check Clearing 59.62|MINT Pepper Mint 82.90""",
    "Communication": """
        MAIL Carrier Pigeon Mail 40.31|BUZZ Background Buzz 65.88|ECHO Echo Chamber Media 74.26
        PAGE Blank Page Press 16.97|TUNE Ear Worm Tunes 55.43|FILM Thin Film Studios 48.19
        RING Ring Twice Telephones 30.64|NEWS Old News Network 22.78|GAME Endgame Games 119.52""",
    "Property": """
        CAVE Cave Dwellings 37.85|LOFT Lofty Ambitions 93.61|YURT Yurt & Tent Trust 17.23
        FENS Good Fences 42.56|ROOF Roof Over Head 64.07|BRIK Another Brick 75.94
        LAWN Trimmed Lawn 25.31|ATIC Attic Storage 50.18|DOME Geodesic Dome 106.42""",
    "Transport": """
        BOAT Slow Boat Lines 34.99|TAXI Hailing Taxis 51.27|VANS White Van Logistics 46.80
        ZEPP Zeppelin Mail 14.52|MULE Mule Train Freight 29.04|SLED Downhill Sleds 60.73
        JETS Paper Jets 141.16|TRAM Tram Stop 38.08|OARS Even Oars 12.90""",
    "Agriculture": """
        CORN Corn Maze Farms 69.35|EGGS All Eggs One Basket 33.76|HENS Free Hens 19.88
        MILK Spilt Milk Dairies 56.14|RICE Grain of Rice 44.63|PEAR Pear Shaped Orchards 80.47
        BEEZ Busy Bee Pollination 72.11|WOOL Dyed in Wool 27.95|FIGS Not a Fig 23.02
        OATS Wild Oats 41.38""",
}


def listed() -> list[Instrument]:
    """Return the hundred listed instruments, all in cents."""
    found = []
    for sector, text in _LISTED.items():
        for entry in (entry for line in text.split("\n") for entry in line.split("|") if entry.strip()):
            symbol, *name, price = entry.split()
            found.append(Instrument(symbol, " ".join(name), sector, 2, 1, 1, int(price.replace(".", ""))))
    return found


def numbered(index: int) -> Instrument:
    """Return the instrument `SYM0000 + index`, opening somewhere between 20 and 220."""
    price_ticks = 2000 + (index * 7919) % 20_000
    return Instrument(f"SYM{index:04d}", f"Number {index}", "Numbered", 2, 1, 1, price_ticks)


def universe(count: int, names: str) -> Universe:
    """Return `count` instruments: listed ones first where `names` is "listed", numbered ones after or instead."""
    head = listed()[:count] if names == "listed" else []
    return Universe([*head, *(numbered(index) for index in range(len(head), count))])
