"""The output of mapped tasks as Airflow hands it to a task: its own class, in whichever release runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG, BaseOperator, XComArg

from tests.operators.stage import AIRFLOW_2


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
        if isinstance(msg, comms.GetXComSequenceItem) and self._has(msg.offset):
            return comms.XComSequenceIndexResult(root=self.values[msg.offset])
        return comms.ErrorResponse()

    def _has(self, offset: int) -> bool:
        known = len(self.values) if self.fails_from is None else self.fails_from
        return -len(self.values) <= offset < known


@dataclass(frozen=True)
class Lazily:
    """Makes the lazy sequence that stands for what mapped tasks returned."""

    monkeypatch: pytest.MonkeyPatch

    def __call__(self, values: Sequence[Any], *, fails_from: int | None = None) -> Any:
        if AIRFLOW_2:
            return _selected(values)
        supervisor = Supervisor(values, fails_from)
        runner = import_module("airflow.sdk.execution_time.task_runner")
        self.monkeypatch.setattr(runner, "SUPERVISOR_COMMS", supervisor, raising=False)
        with DAG("mapped", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")):
            output = XComArg(BaseOperator(task_id="mapped"))
        lazy = import_module("airflow.sdk.execution_time.lazy_sequence").LazyXComSequence
        return lazy(xcom_arg=output, ti=SimpleNamespace(run_id="run"))


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
    return Lazily(monkeypatch)
