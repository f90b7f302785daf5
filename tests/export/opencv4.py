"""Run by a Python with OpenCV 4, whose reader of Darknet's files later versions dropped.

    python opencv4.py CFG WEIGHTS IMAGES.npy OUT.npz

OUT has what each of the network's outputs is for each image, in the order of the names.
"""

import sys

import cv2
import numpy as np

cfg, weights, images, out = sys.argv[1:]
net = cv2.dnn.readNetFromDarknet(cfg, weights)
names = net.getUnconnectedOutLayersNames()
found = []
for image in np.load(images):
    net.setInput(image[None])
    found.append(np.concatenate([rows.reshape(-1, rows.shape[-1]) for rows in net.forward(names)]))
np.savez(out, *found)
