"""Find keypoints with an exported file, by NumPy, OpenCV and ONNX Runtime alone.

    python onnx_alone.py FILE.onnx IMAGE X1 Y1 X2 Y2

It takes every number from FILE.onnx.json, which `kpplugins export` writes; the same is in the file's metadata. It knows
all methods of `warp` and `decode` that docs/export.md lists; a program for one file needs only one of each.
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime


def read(path, facts):
    """Return an image as BGR uint8; more than 8 bits become 8 as in the model's training."""
    image, rule = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH), facts["pixels"]
    if image.dtype == np.uint8:
        return image
    low, high = rule["range"] or (np.percentile(image, rule["percentile"]) if rule["percentile"] else (0, 65535))
    if (low, high) == (0, 65535):
        return (image >> 8).astype(np.uint8)
    return np.clip(np.rint((image.astype(float) - low) * (255 / max(high - low, 1e-9))), 0, 255).astype(np.uint8)


def cut(image, box, facts):
    """Return the crop of a box x1, y1, x2, y2 from a BGR image, and origin and scale of the way back."""
    warp, size, box = facts["warp"], np.array(facts["input_size"]), np.float32(box).reshape(2, 2)
    span = np.float32(warp["span"])
    if warp["kind"] == "affine":
        scale = (box[1] - box[0]) * np.float32(warp["padding"])
        scale = np.maximum(scale, scale[::-1] * size / size[::-1]).astype(np.float32)
        origin = box.mean(axis=0) - scale / 2
        matrix = np.column_stack([np.diag(span / scale), -origin * (span / scale)])
        return cv2.warpAffine(image, matrix, size.tolist()), origin, scale
    canvas, whole = np.array(warp["canvas_size"]), np.array(image.shape[1::-1])
    shown = (whole * (canvas / whole).min() + 1e-6).astype(int).clip(1) if warp["keep_aspect"] else canvas
    bar = (canvas - shown) // 2
    (left, top), (right, bottom) = bar.tolist(), (canvas - shown - bar).tolist()
    drawn = cv2.copyMakeBorder(cv2.resize(image, shown.tolist()), top, bottom, left, right, cv2.BORDER_CONSTANT)
    corners = np.floor((box.astype(float) + 0.5) * shown / whole + bar + 0.001).astype(int)
    low = corners[0].clip(0, canvas - 1)
    high = (corners[1] + 1).clip(low + 1, canvas)
    crop = cv2.resize(drawn[low[1] : high[1], low[0] : high[0]], size.tolist())
    zoom = shown / whole * size / (high - low)
    return crop, (low - bar) * whole / shown + 0.5 / zoom - 0.5, span / zoom


def log_blurred(values, kernel, least, most):
    """Return the logarithm of a blurred map or row, two cells wider on each side."""
    blurred = cv2.GaussianBlur(values, kernel, 0, borderType=cv2.BORDER_CONSTANT)
    logs = np.log(np.clip(blurred * (values.max() / blurred.max()), least, most))
    return np.pad(logs, 2 if len(logs) > 1 else ((0, 0), (2, 2)), mode="edge")


def place_in_map(m, way):
    """Return a keypoint's place (x, y) in its map."""
    (h, w), method, step = m.shape, way["method"], np.zeros(2)
    if method == "mean":
        v = np.where(m < max(way["threshold"] * m.max(), 0), 0, m).astype(float) if m.max() > 0 else np.ones((h, w))
        return np.array([v.sum(axis=0) @ np.arange(w), v.sum(axis=1) @ np.arange(h)]) / v.sum()
    y, x = divmod(int(m.argmax()), w)
    if method == "quarter":
        step[0] = np.sign(m[y, x + 1] - m[y, x - 1]) / 4 if 1 < x < w - 1 and y > 0 else 0
        step[1] = np.sign(m[y + 1, x] - m[y - 1, x]) / 4 if 1 < y < h - 1 and x > 0 else 0
    elif method == "dark_udp" or (method == "dark" and 1 < x < w - 2 and 1 < y < h - 2):
        limits = (1e-3, 50) if method == "dark_udp" else (1e-10, np.inf)
        a = log_blurred(m, (way["blur_kernel"],) * 2, *limits)[y : y + 5, x : x + 5]  # a[2, 2] is the cell
        d, c = np.array([a[2, 3] - a[2, 1], a[3, 2] - a[1, 2]]) / 2, a[2, 2]
        if method == "dark_udp":
            dxx, dyy = a[2, 3] - 2 * c + a[2, 1] + 1.1920929e-7, a[3, 2] - 2 * c + a[1, 2] + 1.1920929e-7
            dxy = (a[3, 3] - a[2, 3] - a[3, 2] + 2 * c - a[2, 1] - a[1, 2] + a[1, 1]) / 2
        else:
            dxx, dyy = (a[2, 4] - 2 * c + a[2, 0]) / 4, (a[4, 2] - 2 * c + a[0, 2]) / 4
            dxy = (a[3, 3] - a[1, 3] - a[3, 1] + a[1, 1]) / 4
        if dxx * dyy != dxy**2:
            step = -np.linalg.solve([[dxx, dxy], [dxy, dyy]], d)
    return np.array([x, y]) + step


def place_in_row(v, way, axis):
    """Return a keypoint's place in its row of SimCC bins, on one axis."""
    i = int(v.argmax())
    if way["method"] == "simcc":
        return i
    a = log_blurred(v[None], (way["blur_kernel"][axis], 1), 1e-3, 50)[0, i : i + 5]  # a[2] is the bin
    return i - (a[3] - a[1]) / 2 / (1e-9 + (a[4] - 2 * a[2] + a[0]) / 4)


def find(session, facts, image, box):
    """Return keypoints (K, 2) in pixels of the image, and their scores (K,), in a box x1, y1, x2, y2."""
    way, flip = facts["decode"], facts["flip_test"]
    crop, origin, scale = cut(image, box, facts)
    batch = np.float32(crop.transpose(2, 0, 1)[None])
    outputs = [o[0] for o in session.run(None, {"image": batch})]
    if flip["on"]:
        turned = [o[0][flip["indices"]] for o in session.run(None, {"image": batch[..., ::-1].copy()})]
        if way["method"] == "coordinates":
            turned[0][:, 0] = flip["one"] - turned[0][:, 0]
        else:  # heatmaps, or simcc_x
            turned[0] = turned[0][..., ::-1].copy()
            if flip.get("shift_cells"):
                turned[0][..., 1:] = turned[0][..., :-1].copy()
        outputs = [(a + b) / 2 for a, b in zip(outputs, turned)]
    if way["method"] == "coordinates":
        places, scores = outputs[0][:, :2], 1 - outputs[0][:, 2:].sum(axis=1) / 2
    elif way["method"].startswith("simcc"):
        places = np.array([[place_in_row(v, way, i) for i, v in enumerate(rows)] for rows in zip(*outputs)])
        scores = np.minimum(outputs[0].max(axis=1), outputs[1].max(axis=1))
    else:
        places, scores = np.array([place_in_map(m, way) for m in outputs[0]]), outputs[0].max(axis=(1, 2))
    f = (places + way["add"]) / way["divide"] - way["subtract"]
    return f * scale + origin, scores


if __name__ == "__main__":
    file, image_file, *corners = sys.argv[1:]
    described = json.loads(Path(file + ".json").read_text(encoding="utf-8"))
    pixels = read(image_file, described)
    points, scores = find(onnxruntime.InferenceSession(file), described, pixels, [float(v) for v in corners])
    for name, (x, y), score in zip(described["keypoints"], points, scores):
        print(f"{name} {x:.2f} {y:.2f} {score:.3f}")
