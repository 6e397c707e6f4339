"""A training script of 2018, as it was: it tells two kinds of iris apart by logistic regression, in plain Python."""
import csv
import json
import math
import os
import random

from polyaxon_helper import get_data_paths, get_declarations, get_outputs_path, send_metrics


def predict(weights, features):
    return 1 / (1 + math.exp(-sum(w * x for w, x in zip(weights, features))))


def load(path):
    with open(path) as f:
        rows = [(row.pop("species"), [float(value) for value in row.values()] + [1.0]) for row in csv.DictReader(f)]
    return [(features, float(species == "virginica")) for species, features in rows]


def train(rows, learning_rate, epochs):
    weights = [0.0] * len(rows[0][0])
    for _ in range(epochs):
        random.shuffle(rows)
        for features, label in rows:
            error = predict(weights, features) - label
            weights = [w - learning_rate * error * x for w, x in zip(weights, features)]
        probabilities = [(predict(weights, features), label) for features, label in rows]
        loss = -sum(math.log(p if label else 1 - p) for p, label in probabilities) / len(rows)
        accuracy = sum((p > 0.5) == bool(label) for p, label in probabilities) / len(rows)
        send_metrics(loss=loss, accuracy=accuracy)
    return weights


if __name__ == "__main__":
    random.seed(7)
    params = get_declarations()
    rows = load(os.path.join(get_data_paths()["iris"], "iris.csv"))
    weights = train(rows, params["lr"], params["epochs"])
    with open(os.path.join(get_outputs_path(), "weights.json"), "w") as f:
        json.dump(weights, f)
    print("trained on {} flowers".format(len(rows)))
