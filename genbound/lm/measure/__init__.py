"""Measurements of a trained model that are no bounds: variation of the loss, quantization error, spectra.

Each file answers one question of the scaling study (THEORY 9) about one model and returns frozen records of plain
numbers: `variation` how much the loss varies, `quantization_error` what a fixed number of bits per weight does to the
loss, `spectra` how fast the eigenvalues of the layers' Hessians fall and what [QuIP] makes of it, `network_spectrum`
the same for the whole network, `certified` what a certificate says. They are estimates, to nearest; only the numbers
of `certified` are rounded to the safe side.
"""

from genbound.lm.measure.certified import certified_bounds
from genbound.lm.measure.quantization_error import BITS, CODES, Quantizing, quantization_error
from genbound.lm.measure.sample import chosen_windows, paired, window_losses
from genbound.lm.measure.spectra import LayerSpectrum, layer_spectra, layer_spectrum, power_law
from genbound.lm.measure.variation import COMPLEXITIES, Variation, sigma, variation

__all__ = [
    "BITS",
    "CODES",
    "COMPLEXITIES",
    "LayerSpectrum",
    "Quantizing",
    "Variation",
    "certified_bounds",
    "chosen_windows",
    "layer_spectra",
    "layer_spectrum",
    "paired",
    "power_law",
    "quantization_error",
    "sigma",
    "variation",
    "window_losses",
]
