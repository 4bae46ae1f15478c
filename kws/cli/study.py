"""``kws study``: a grid of recipes and seeds, trained, measured and compared."""

import json
from pathlib import Path

from kws.cli.common import add_data_options


def register(command) -> None:
    sub = command(
        "study",
        _study,
        "train and measure variations of a recipe with several seeds; go on where it was stopped",
        "kws study docs/results/paper.toml --data ~/speech_commands",
    )
    sub.add_argument("study", type=Path, help="a .toml; kws/studies/study.py says what is in it")
    add_data_options(sub)
    sub.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR", help="default runs")
    sub.add_argument("--seed", type=int, metavar="N", help="only the cells of this seed")
    sub.add_argument("--gather", action="store_true", help="train nothing: tell what is there")
    sub.add_argument(
        "--out", type=Path, metavar="DIR", help="for NAME.json, .md, .png; default the study's"
    )


def _study(options) -> None:
    from kws.studies import study
    from kws.studies.report import into_page, markdown, pareto_picture
    from kws.utils.files import write_text

    plan = study.load(options.study)
    if options.gather:
        result = study.gather(plan, options.runs)
    else:
        result = study.run(
            plan,
            options.runs,
            data=options.data,
            noise=options.noise,
            only_seed=options.seed,
        )
    out = (options.out or options.study.parent) / plan.name
    write_text(out.with_suffix(".json"), json.dumps(result, indent=1) + "\n")
    text = markdown(result)
    page = out.with_suffix(".md")
    write_text(page, into_page(page, plan.title, text))
    if plan.measure == "clips":
        pareto_picture(result, out.with_suffix(".png"))
    print(text)
