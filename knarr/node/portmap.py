"""Take away the iptables chains that the portmap plugin leaves behind: its own clean-up stops at the pods' chains.

Only what belongs to one network goes, and the plugin's top-level chains only when no rule of anybody's is left in
them. Each family changes in one transaction; if another plugin adds a rule meanwhile, nothing changes.
Source: containernetworking plugins, portmap/portmap_iptables.go (names of chains, comment of rules).
"""

from __future__ import annotations

import shutil
import subprocess

PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
ENTRY = "CNI-HOSTPORT-DNAT"
TOP = (ENTRY, "CNI-HOSTPORT-SETMARK", "CNI-HOSTPORT-MASQ")
ANSWER_S = 30.0


def remove(network: str, *, alone: bool) -> None:
    """Remove what is left of a network. alone: no other Knarr runs here, so an empty nat table may go too."""
    for family, program in (("ip", "iptables"), ("ip6", "ip6tables")):
        undo = undoing(run(f"{program}-save", "-t", "nat"), network)
        if undo:
            run(f"{program}-restore", "--noflush", "-w", said=undo)
        if alone and is_empty(run(f"{program}-save", "-t", "nat")):
            run("nft", "delete", "table", family, "nat")


def undoing(saved: str, network: str) -> str:
    """Return what iptables-restore must be told, given what iptables-save printed; empty where nothing is ours."""
    lines = saved.splitlines()
    rules = [line for line in lines if line.startswith("-A ")]
    made = {line.split()[0][1:] for line in lines if line.startswith(":") and line.split()[1] == "-"}
    entries = [rule for rule in rules if rule.startswith(f"-A {ENTRY} ")]
    ours = [rule for rule in entries if f'name: \\"{network}\\"' in rule]
    mine = {target(rule) for rule in ours} & made
    gone = [*ours, *(rule for rule in rules if rule.split()[1] in mine)]
    chains = sorted(mine)
    if len(ours) == len(entries) and ENTRY in made:
        top = set(TOP) & made
        gone += [rule for rule in rules if rule not in gone and (target(rule) in top or rule.split()[1] in top)]
        chains += sorted(top)
    if not chains:
        return ""
    return "\n".join(["*nat", *("-D " + rule[3:] for rule in gone), *(f"-X {name}" for name in chains), "COMMIT", ""])


def target(rule: str) -> str:
    """Return where a rule jumps to; empty where it does not."""
    words = rule.split()
    return words[words.index("-j") + 1] if "-j" in words else ""


def is_empty(saved: str) -> bool:
    """Tell whether a table is there and does nothing: built-in chains that accept, and no rule."""
    lines = saved.splitlines()
    chains = [line.split()[1] for line in lines if line.startswith(":")]
    return bool(chains) and set(chains) == {"ACCEPT"} and not any(line.startswith("-A ") for line in lines)


def run(program: str, *words: str, said: str = "") -> str:
    """Run a program and return what it printed; empty where it is missing or refuses, as there is nothing to remove."""
    found = shutil.which(program, path=PATH)
    if found is None:
        return ""
    done = subprocess.run([found, *words], input=said, text=True, capture_output=True, check=False, timeout=ANSWER_S)
    return done.stdout if done.returncode == 0 else ""
