# Runs in CPython on WebAssembly: dataclasses, sorting, json and files. Prints what `answers.txt` holds.
import dataclasses, json, os, sys


@dataclasses.dataclass(order=True, frozen=True)
class Engine:
    power: int
    name: str = dataclasses.field(compare=False)
    cylinders: list = dataclasses.field(default_factory=list, compare=False)


engines = [Engine(1650, "D18-25", [18]), Engine(1100, "D9-12", [9]), Engine(3100, "CT18-42K", [18]), Engine(1100, "T9-29", [9])]
print([e.name for e in sorted(engines)], max(engines).name)
print([e.name for e in sorted(engines, key=lambda e: (-len(e.name), e.name))])
with open("engines.json", "w") as file:
    json.dump([dataclasses.asdict(e) for e in engines], file, indent=1, sort_keys=True)
with open("engines.json") as file:
    again = [Engine(**fields) for fields in json.load(file)]
print(again == engines, os.stat("engines.json").st_size, sum(e.power for e in again) / len(again))
os.rename("engines.json", "renamed.json")
print(sorted(name for name in os.listdir(".") if name.endswith(".json")), os.path.exists("engines.json"))
try:
    again[0].power = 1
except dataclasses.FrozenInstanceError as error:
    print(type(error).__name__, error)
print(f"{2**100:,} {0.1 + 0.2!r} {'déltic'.upper()} {hash((1, 2)) == hash((1, 2))}", sys.version_info[:2])
