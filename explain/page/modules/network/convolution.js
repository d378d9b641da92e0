/**
 * Convolutions of square images, without a border around them.
 */

import { Linear } from "./linear.js";

/** @typedef {import("./tensors.js").Tensor} Tensor */

/** A linear layer that is applied to every square of an image. */
export class Convolution {
  /**
   * @param {Tensor} weight (outputs, channels, side, side)
   * @param {Tensor} bias (outputs)
   */
  constructor(weight, bias) {
    const [outputs, channels, side] = weight.shape;
    this.channels = channels;
    this.side = side;
    this.linear = new Linear({ shape: [outputs, channels * side * side], values: weight.values }, bias);
  }

  /**
   * @param {Float32Array} images (count, channels, size, size)
   * @param {number} count
   * @returns {Float32Array} (count, outputs, size - side + 1, size - side + 1)
   */
  apply(images, count) {
    const { channels, side, linear } = this;
    const size = Math.sqrt(images.length / (count * channels));
    const left = size - side + 1;
    const places = left * left;
    const squares = new Float32Array(count * places * linear.inputs);
    let at = 0;
    for (let image = 0; image < count; image++) {
      for (let place = 0; place < places; place++) {
        const corner = Math.floor(place / left) * size + (place % left);
        for (let channel = 0; channel < channels; channel++) {
          const start = (image * channels + channel) * size * size + corner;
          for (let row = 0; row < side; row++) {
            for (let column = 0; column < side; column++) squares[at++] = images[start + row * size + column];
          }
        }
      }
    }
    const byPlace = linear.apply(squares, count * places); // (count, places, outputs)
    const { outputs } = linear;
    return byPlace.map((_, to) => {
      const image = Math.floor(to / (outputs * places));
      const output = Math.floor(to / places) % outputs;
      return byPlace[(image * places + (to % places)) * outputs + output];
    });
  }
}
