"""The response plans everyone starts with."""

import functools
from importlib import resources

import yaml

from alerting.errors import PlansFault
from devices.model import Hazard
from domain.errors import PlanFault
from domain.plan import Plan, read_plan


@functools.cache
def default_plans() -> dict[Hazard, Plan]:
    """One plan for each hazard, from ``plans.yaml``. Raises :class:`PlansFault` if the file breaks a rule."""
    written = yaml.safe_load(resources.files("alerting").joinpath("plans.yaml").read_text("utf-8"))
    plans: dict[Hazard, Plan] = {}
    for index, one in enumerate(written):
        try:
            plan = read_plan(one)
        except PlanFault as fault:
            raise PlansFault(f"plans.yaml, entry {index + 1}: {fault}") from fault
        plans[plan.hazard] = plan
    missing = set(Hazard) - set(plans)
    if missing:
        raise PlansFault(f"plans.yaml has no plan for {', '.join(sorted(missing))}")
    return plans
