"""Every recipe of ``dags/`` runs green, started by a user and, if it waits for an asset, by that as well."""

from __future__ import annotations

import pytest

from tests.system.scenarios.recipes import DAG_IDS, Recipes


def test_airflow_knows_every_recipe(recipes: Recipes) -> None:
    assert not recipes.import_errors
    assert recipes.parsed == set(DAG_IDS)


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_a_recipe_runs_green(recipes: Recipes, dag_id: str) -> None:
    recipes.by_user[dag_id].check()


def test_an_asset_runs_the_recipes_that_wait_for_it(recipes: Recipes) -> None:
    assert set(recipes.by_asset) == {"xai_evaluation_on_event", "xai_upstream_asset"}
    for ended in recipes.by_asset.values():
        ended.check()
