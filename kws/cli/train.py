"""``kws train``: a recipe becomes a model, and figures about it."""

import json
from pathlib import Path


def register(command) -> None:
    sub = command(
        "train",
        run,
        "train a recipe, export the model and show how good it is",
        "kws train models/words-12 --data ~/speech_commands",
    )
    sub.add_argument("recipe", type=Path, help="a recipe.toml, or the folder that holds one")
    sub.add_argument("--data", type=Path, metavar="DIR", help="clips, one folder a word")
    sub.add_argument("--noise", type=Path, metavar="DIR", help="recordings of background noise")
    sub.add_argument("--run", type=Path, metavar="DIR", help="run folder (default runs/<recipe>)")
    sub.add_argument("--fresh", action="store_true", help="start anew, replacing the run folder's")
    sub.add_argument("--json", action="store_true", help="print the result as JSON")


def run(options) -> None:
    from kws.pipeline import train_and_show

    run = options.run or Path("runs") / _recipe_name(options.recipe)
    result = train_and_show(options.recipe, run, options.data, options.noise, options.fresh)
    print(json.dumps(result["summary"]) if options.json else result["text"])


def _recipe_name(recipe: Path) -> str:
    path = recipe.resolve()
    return path.parent.name if path.name == "recipe.toml" else path.stem
