"""What all dashboards are made of: their variables, their queries, and each sort of panel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import common as shared
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import prometheus as query_models

Panel = stat.Panel | timeseries.Panel | table.Panel | heatmap.Panel | statetimeline.Panel | bargauge.Panel

TAG: Final = "mysterybot"
DATASOURCE: Final = shared.DataSourceRef(type_val="prometheus", uid="${datasource}")

LEAST: Final = "2m"
"""Between two bars: less could lie between two scrapes, and nothing would be counted."""

GREEN, YELLOW, RED, BLUE, GREY = "green", "yellow", "red", "blue", "#8e8e8e"
VERDICT_COLOURS: Final = {"passed": GREEN, "failed": RED, "faulted": YELLOW}


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of a panel. `legend`: Grafana's template of labels."""

    expr: str
    legend: str = "__auto"
    instant: bool = False
    exemplar: bool = False
    rows: bool = False
    """As a table, of which each series is a row."""
    buckets: bool = False
    """As the buckets of a heatmap."""


def dashboard(uid: str, title: str, description: str, *, start: str) -> builders.Dashboard:
    """An empty one with links to its siblings."""
    siblings = (
        builders.DashboardLink("mysterybot").type(models.DashboardLinkType.DASHBOARDS).tags([TAG]).keep_time(True)
    )
    bot = (
        builders.DashboardLink("the bot's own pages")
        .type(models.DashboardLinkType.LINK)
        .url("${bot}/")
        .target_blank(True)
    )
    return (
        builders.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .editable()
        .refresh("1m")
        .time(start, "now")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .links([siblings, bot])
        .with_variable(builders.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(
            builders.TextBoxVariable("bot")
            .label("Address of the bot's pages")
            .default_value("http://127.0.0.1:9877")
            .current(models.VariableOption(text="http://127.0.0.1:9877", value="http://127.0.0.1:9877"))
        )
    )


def add_rows(board: builders.Dashboard, *titled: tuple[str, Sequence[Panel]]) -> None:
    """Rows of panels, each under its title."""
    for title, panels in titled:
        board.with_row(builders.Row(title))
        for panel in panels:
            board.with_panel(panel)


def choice(name: str, label: str, metric: str, *, several: bool = True) -> builders.QueryVariable:
    """A variable with the values of a label."""
    variable = (
        builders.QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query({"query": f"label_values({metric}, {name})", "refId": "values"})
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )
    if several:
        everything = models.VariableOption(text="All", value="$__all", selected=True)
        variable.multi(True).include_all(True).all_value(".*").current(everything)
    return variable


def words(name: str, label: str, values: Sequence[str]) -> builders.CustomVariable:
    """A variable with fixed values, the first of which is chosen."""
    first = models.VariableOption(text=values[0], value=values[0], selected=True)
    return builders.CustomVariable(name).label(label).values(",".join(values)).current(first)


def _target(asked: Asked, ref: str) -> prometheus.Dataquery:
    target = (
        prometheus.Dataquery()
        .expr(asked.expr)
        .legend_format(asked.legend)
        .ref_id(ref)
        .datasource(DATASOURCE)
        .editor_mode(query_models.QueryEditorMode.CODE)
        .exemplar(asked.exemplar)
    )
    if asked.rows:
        target.format(query_models.PromQueryFormat.TABLE)
    elif asked.buckets:
        target.format(query_models.PromQueryFormat.HEATMAP)
    return target.instant() if asked.instant or asked.rows else target.range()


def _ask(panel: Any, title: str, description: str, asked: Sequence[Asked], size: tuple[int, int]) -> Any:
    panel.title(title).description(description).datasource(DATASOURCE).span(size[0]).height(size[1])
    for number, each in enumerate(asked):
        panel.with_target(_target(each, chr(ord("A") + number)))
    return panel


def steps(*bounds: tuple[float | None, str]) -> builders.ThresholdsConfig:
    """Colours from a value on; the first one has no value."""
    thresholds = [models.Threshold(value=value, color=colour) for value, colour in bounds]
    return builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(thresholds)


def number(
    title: str,
    description: str,
    asked: Asked,
    *,
    unit: str = "short",
    colours: builders.ThresholdsConfig | None = None,
    empty: str = "–",
    width: int = 4,
    link: str | None = None,
) -> stat.Panel:
    """One number, as it is now. `empty`: what stands there when there is nothing to tell."""
    now = Asked(asked.expr, asked.legend, instant=True)
    panel: stat.Panel = _ask(stat.Panel(), title, description, [now], (width, 4))
    panel.unit(unit).no_value(empty).thresholds(colours or steps((None, BLUE)))
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    return panel.data_links([_link(link)]) if link else panel


def lines(
    title: str,
    description: str,
    *asked: Asked,
    unit: str = "short",
    width: int = 12,
    bars: bool = False,
    colours: Mapping[str, str] | None = None,
    link: str | None = None,
) -> timeseries.Panel:
    """What changes with time; with `bars` what was counted in each interval."""
    panel: timeseries.Panel = _ask(timeseries.Panel(), title, description, asked, (width, 8))
    panel.unit(unit).min(0).no_value("nothing yet").show_points(shared.VisibilityMode.AUTO)
    panel.legend(common.VizLegendOptions().show_legend(True).placement(shared.LegendPlacement.BOTTOM))
    panel.tooltip(common.VizTooltipOptions().mode(shared.TooltipDisplayMode.MULTI))
    if bars:
        panel.interval(LEAST)
        panel.draw_style(shared.GraphDrawStyle.BARS).fill_opacity(70)
        panel.stacking(common.StackingConfig().mode(shared.StackingMode.NORMAL))
    else:
        panel.fill_opacity(8).span_nulls(True)
    for name, colour in (colours or {}).items():
        fixed = models.DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})
        panel.override_by_name(name, [fixed])
    return panel.data_links([_link(link)]) if link else panel


def spread(title: str, description: str, asked: Asked, *, width: int = 12) -> heatmap.Panel:
    """A heatmap over the buckets of a histogram of seconds."""
    panel: heatmap.Panel = _ask(heatmap.Panel(), title, description, [asked], (width, 9))
    panel.interval(LEAST)
    return panel.calculate(False).y_axis(heatmap.YAxisConfig().unit("s")).cell_gap(1)


def states(
    title: str, description: str, *asked: Asked, good: str, bad: str, width: int = 24, height: int = 7
) -> statetimeline.Panel:
    """A ribbon in time for each series that is 1 or 0."""
    panel: statetimeline.Panel = _ask(statetimeline.Panel(), title, description, asked, (width, height))
    meant = {
        "1": models.ValueMappingResult(text=good, color=GREEN, index=0),
        "0": models.ValueMappingResult(text=bad, color=RED, index=1),
    }
    panel.mappings([models.ValueMap(options=meant)]).no_value("nothing yet").show_value(shared.VisibilityMode.NEVER)
    return panel.thresholds(steps((None, RED), (1, GREEN))).row_height(0.8)


def shares(
    title: str,
    description: str,
    asked: Asked,
    *,
    unit: str = "percentunit",
    width: int = 12,
    colours: builders.ThresholdsConfig,
) -> bargauge.Panel:
    """A bar for each series, as it is now."""
    now = Asked(asked.expr, asked.legend, instant=True)
    panel: bargauge.Panel = _ask(bargauge.Panel(), title, description, [now], (width, 8))
    panel.unit(unit).min(0).no_value("nothing yet").thresholds(colours)
    panel.orientation(shared.VizOrientation.HORIZONTAL).display_mode(shared.BarGaugeDisplayMode.BASIC)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    return panel.max(1) if unit == "percentunit" else panel


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: a query that gives a number for each row."""

    name: str
    expr: str
    unit: str = "short"
    colours: tuple[tuple[float | None, str], ...] = ()


def rows(
    title: str,
    description: str,
    by: Sequence[str],
    columns: Sequence[Column],
    *,
    links: Mapping[str, tuple[str, str]],
    width: int = 24,
    height: int = 8,
) -> table.Panel:
    """A table: a row for each combination of the labels `by`. `links`: column → (text, address)."""
    asked = [Asked(column.expr, rows=True) for column in columns]
    panel: table.Panel = _ask(table.Panel(), title, description, asked, (width, height))
    refs = [chr(ord("A") + number) for number in range(len(columns))]
    renamed = {f"Value #{ref}": column.name for ref, column in zip(refs, columns, strict=True)}
    order = {name: place for place, name in enumerate((*by, *renamed))}
    panel.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    organised = {"excludeByName": {"Time": True}, "indexByName": order, "renameByName": renamed}
    panel.with_transformation(models.DataTransformerConfig(id_val="organize", options=organised))
    panel.no_value("–").filterable(False)
    for column in columns:
        properties = [models.DynamicConfigValue(id_val="unit", value=column.unit)]
        if column.colours:
            coloured = {
                "mode": "absolute",
                "steps": [{"value": value, "color": colour} for value, colour in column.colours],
            }
            properties.append(models.DynamicConfigValue(id_val="thresholds", value=coloured))
            properties.append(models.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"}))
        panel.override_by_name(column.name, properties)
    for name, (text, address) in links.items():
        link = [{"title": text, "url": address, "targetBlank": address.startswith("${bot}")}]
        panel.override_by_name(name, [models.DynamicConfigValue(id_val="links", value=link)])
    return panel


def _link(address: str) -> builders.DashboardLink:
    """From a value to the pages behind it."""
    return builders.DashboardLink("open").type(models.DashboardLinkType.LINK).url(address).target_blank(True)
