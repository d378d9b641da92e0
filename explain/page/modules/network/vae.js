/**
 * The variational autoencoder of `explain.reconstruction.vae`: what the agent remembers, as an image.
 */

import { MAX_PIXEL } from "../retina.js";
import { Linear, rectify, sigmoid } from "./linear.js";

/** @typedef {import("../retina.js").Picture} Picture */
/** @typedef {import("./tensors.js").Tensor} Tensor */

export class VAE {
  /**
   * @param {{channels: number, height: number, width: number}} shape Of the images.
   * @param {Record<string, Tensor>} tensors By their names in PyTorch.
   */
  constructor(shape, tensors) {
    /** @param {string} name */
    const linear = (name) => new Linear(tensors[`${name}.weight`], tensors[`${name}.bias`]);
    this.shape = shape;
    this.mean = tensors.hidden_mean.values;
    this.std = tensors.hidden_std.values;
    this.encoder = [linear("encoder.0"), linear("encoder.2"), linear("encoder.4")];
    this.decoder = [linear("decoder.0"), linear("decoder.2"), linear("decoder.4")];
    this.latentSize = this.decoder[0].inputs;
  }

  /**
   * @param {Float32Array} state
   * @returns {{mean: Float32Array, logVariance: Float32Array}} Of the latent z.
   */
  encode(state) {
    const standardised = state.map((value, unit) => (value - this.mean[unit]) / this.std[unit]);
    const latent = applyAll(this.encoder, standardised, 1);
    return { mean: latent.subarray(0, this.latentSize), logVariance: latent.subarray(this.latentSize) };
  }

  /**
   * @param {Float32Array} latents (count, latentSize)
   * @param {number} count
   * @returns {Picture[]}
   */
  decode(latents, count) {
    const logits = applyAll(this.decoder, latents, count);
    const length = logits.length / count;
    return Array.from({ length: count }, (_, row) => ({
      ...this.shape,
      pixels: Uint8Array.from(logits.subarray(row * length, (row + 1) * length), roundedPixel),
    }));
  }

  /**
   * Decodes the mean of z.
   *
   * @param {Float32Array} state
   * @returns {Picture}
   */
  reconstruct(state) {
    return this.decode(this.encode(state).mean, 1)[0];
  }

  /**
   * Decodes draws of z.
   *
   * @param {Float32Array} state
   * @param {Float32Array} noise Standard normal numbers, (count, latentSize).
   * @returns {Picture[]}
   */
  sample(state, noise) {
    const { mean, logVariance } = this.encode(state);
    const latents = noise.map((value, at) => {
      const unit = at % this.latentSize;
      return mean[unit] + Math.exp(0.5 * logVariance[unit]) * value;
    });
    return this.decode(latents, noise.length / this.latentSize);
  }
}

/**
 * Applies linear layers with rectifiers between them.
 *
 * @param {Linear[]} layers
 * @param {Float32Array} rows
 * @param {number} count
 * @returns {Float32Array}
 */
function applyAll(layers, rows, count) {
  const last = layers.length - 1;
  const before = layers.slice(0, last).reduce((values, layer) => rectify(layer.apply(values, count)), rows);
  return layers[last].apply(before, count);
}

/**
 * @param {number} logit
 * @returns {number}
 */
function roundedPixel(logit) {
  return Math.round(sigmoid(logit) * MAX_PIXEL);
}
