"""The output of mapped tasks as Airflow hands it to a task: its own class, in whichever release runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import Any, TypeAlias

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG, BaseOperator, XComArg

from tests.operators.stage import AIRFLOW_2

Lazily: TypeAlias = Callable[..., Any]


@dataclass
class Supervisor:
    """The process that a task of Airflow 3 asks for XComs, one by one.

    :param values: what the mapped tasks have returned.
    :param fails_from: from this one on, it cannot say.
    """

    values: Sequence[Any] = ()
    fails_from: int | None = None

    def send(self, msg: Any) -> Any:
        comms = import_module("airflow.sdk.execution_time.comms")
        if isinstance(msg, comms.GetXComCount):
            return comms.XComCountResponse(len=len(self.values))
        known = len(self.values) if self.fails_from is None else self.fails_from
        if isinstance(msg, comms.GetXComSequenceItem) and -len(self.values) <= msg.offset < known:
            return comms.XComSequenceIndexResult(root=self.values[msg.offset])
        return comms.ErrorResponse()


def _selected(values: Sequence[Any]) -> Any:
    """A query of a database that holds nothing else."""
    sql, orm = import_module("sqlalchemy"), import_module("sqlalchemy.orm")
    xcom = sql.Table("xcom", sql.MetaData(), sql.Column("map_index", sql.Integer), sql.Column("value", sql.LargeBinary))
    session = orm.Session(sql.create_engine("sqlite://", poolclass=sql.pool.StaticPool))
    xcom.create(session.get_bind())
    for number, value in enumerate(values):
        session.execute(xcom.insert(), {"map_index": number, "value": json.dumps(value).encode()})
    lazy = import_module("airflow.models.xcom").LazyXComSelectSequence
    return lazy.from_select(sql.select(xcom.c.value), order_by=[xcom.c.map_index], session=session)


@pytest.fixture
def lazily(monkeypatch: pytest.MonkeyPatch) -> Lazily:
    """``lazily([...])``: these values as Airflow hands over what mapped tasks returned."""

    def make(values: Sequence[Any], *, fails_from: int | None = None) -> Any:
        if AIRFLOW_2:
            return _selected(values)
        runner = import_module("airflow.sdk.execution_time.task_runner")
        monkeypatch.setattr(runner, "SUPERVISOR_COMMS", Supervisor(values, fails_from), raising=False)
        with DAG("mapped", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")):
            output = XComArg(BaseOperator(task_id="mapped"))
        lazy = import_module("airflow.sdk.execution_time.lazy_sequence").LazyXComSequence
        return lazy(xcom_arg=output, ti=SimpleNamespace(run_id="run"))

    return make
