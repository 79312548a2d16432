"""Files of the metrics of an image alone: names, addresses and digests, by what asks for them.

Where a name ends in eight hex digits, these begin the file's sha256.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from harness.spec import Resource
from harness_plugins.generative.metrics.weights import NETWORKS

__all__ = ["LEARNED", "Files", "file", "own"]

_HUB = "https://huggingface.co/chaofengc/IQA-PyTorch-Weights/resolve/main"

Files = Mapping[str, tuple[Resource, ...]]  # by the folder in which pyiqa looks


def file(
    name: str,
    sha256: str = "",
    base: str = _HUB,
    licence: str = "CC-BY-NC-SA-4.0 (IQA-PyTorch-Weights)",
) -> Resource:
    """Declare a file; its digest begins with the last eight letters of its name unless given."""
    prefix = f"sha256-prefix:{name.rpartition('.')[0][-8:]}"
    return Resource(
        name=name, url=f"{base}/{quote(name)}", sha256=sha256 or prefix, licence=licence
    )


def own(*files: Resource | str) -> Files:
    """Name files of pyiqa's hub, those whose names tell their digests by name alone."""
    return {"pyiqa": tuple(file(f) if isinstance(f, str) else f for f in files)}


def _clip(network: Resource, *files: Resource | str) -> Files:
    return {"clip": (network,), **(own(*files) if files else {})}


def _arniqa(regressor: str, sha256: str) -> Files:
    """Name ARNIQA's encoder, which torch's own loader looks for, and a regressor."""
    base = "https://github.com/miccunifi/ARNIQA/releases/download/weights"
    licence = "Apache-2.0 (miccunifi/ARNIQA)"
    encoder = "ad2022e59b1040d5bab24f9325c10d0215956a2061248a36c15edaec3e60fcd1"
    return {
        "checkpoints": (file("ARNIQA.pth", encoder, base, licence),),
        "pyiqa": (file(regressor, sha256, base, licence),),
    }


_RN50 = Resource(
    name="RN50.pt",
    url=(
        "https://openaipublic.azureedge.net/clip/models/"
        "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762/RN50.pt"
    ),
    sha256="afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762",
    licence=NETWORKS["b32"].weights.licence,
)
_L14 = NETWORKS["l14"].weights
_MANIQA_KONIQ = file(
    "ckpt_koniq10k.pt",
    "a207f8ab57322e6be38ff5c8d019301dc032b454bef21c3c9f9dbf7974eebff6",
    "https://github.com/IIGROUP/MANIQA/releases/download/Koniq10k",
    "Apache-2.0 (IIGROUP/MANIQA)",
)
_AESTHETIC = file(
    "sac+logos+ava1-l14-linearMSE.pth",
    "21dd590f3ccdc646f0d53120778b296013b096a035a2718c9cb0d511bff0f1e0",
    "https://raw.githubusercontent.com/christophschuhmann/improved-aesthetic-predictor/"
    "6934dd81792f086e613a121dbce43082cb8be85e",
    "as improved-aesthetic-predictor states it",
)
_KONIQ = {
    "musiq": file(
        "musiq_koniq_ckpt-e95806b9.pth",
        "e95806b9eae5f3814c410f574ba8e552362bd5bc63d758ed5b97860f5d6185aa",
    ),
    "topiq": file(
        "cfanet_nr_koniq_res50-9a73138b.pth",
        "9a73138beb3748dd6a83365610ac88fa1cd53225342c77fc9ed44a3be461354c",
    ),
}
_AVA_SWIN = file(
    "cfanet_iaa_ava_swin-393b41b4.pth",
    "393b41b49c41bf0ffa43ab7e13b26f374e211085f5fe2eba3408e89c8b67f935",
)

# the learned ones by their papers: what they do, citation, and each by what it was trained on
LEARNED: tuple[tuple[str, str, Mapping[str, tuple[str, Files]]], ...] = (
    (
        "quality by a transformer over scales",
        "Ke et al., ICCV 2021, arXiv:2108.05997",
        {
            "musiq": ("KonIQ-10k", own(_KONIQ["musiq"])),
            "musiq-ava": ("AVA, aesthetics", own("musiq_ava_ckpt-e8d3f067.pth")),
            "musiq-spaq": ("SPAQ", own("musiq_spaq_ckpt-358bb6af.pth")),
            "musiq-paq2piq": ("PaQ-2-PiQ", own("musiq_paq2piq_ckpt-364c0c84.pth")),
        },
    ),
    (
        "mean of predicted votes",
        "Talebi and Milanfar, IEEE TIP 2018, arXiv:1709.05424",
        {
            "nima": ("AVA, aesthetics", own("NIMA_InceptionV2_ava-b0c77c00.pth")),
            "nima-koniq": ("KonIQ-10k", own("NIMA_koniq-250367ae.pth")),
            "nima-spaq": ("SPAQ", own("NIMA-spaq-46a7fcb7.pth")),
            "nima-vgg16-ava": ("AVA, VGG-16", own("NIMA_VGG16_ava-dc4e8265.pth")),
        },
    ),
    (
        "quality by a small network over patches",
        "Kang et al., CVPR 2014",
        {"cnniqa": ("KonIQ-10k", own("CNNIQA_koniq10k-e6f14c91.pth"))},
    ),
    (
        "quality by two networks, of synthetic and of real distortions",
        "Zhang et al., IEEE TCSVT 2020, arXiv:1907.02665",
        {
            "dbcnn": (
                "KonIQ-10k",
                own("DBCNN_scnn-7ea73d75.pth", "DBCNN_KonIQ10k-2de81c0a.pth"),
            )
        },
    ),
    (
        "quality by attention over patches",
        "Yang et al., CVPRW 2022, arXiv:2204.08958",
        {
            "maniqa": ("KonIQ-10k", own(_MANIQA_KONIQ)),
            "maniqa-pipal": ("PIPAL", own("MANIQA_PIPAL-ae6d356b.pth")),
        },
    ),
    (
        "nearness to words for good pictures",
        "Wang et al., AAAI 2023, arXiv:2207.12396",
        {
            "clipiqa": ("fixed words", _clip(_RN50)),
            "clipiqa+": ("KonIQ-10k", _clip(_RN50, "CLIP-IQA+_learned_prompts-603f3273.pth")),
            "clipiqa+_rn50_512": (
                "KonIQ-10k at 512",
                _clip(_RN50, "CLIPIQA+_RN50_512-89f5d940.pth"),
            ),
            "clipiqa+_vitL14_512": (
                "KonIQ-10k at 512, ViT-L/14",
                _clip(_L14, "CLIPIQA+_ViTL14_512-e66488f2.pth"),
            ),
        },
    ),
    (
        "quality from semantics to details",
        "Chen et al., IEEE TIP 2024, arXiv:2308.03060",
        {
            "topiq_nr": ("KonIQ-10k", own(_KONIQ["topiq"])),
            "topiq_nr-flive": ("FLIVE", own("cfanet_nr_flive_res50-ded1c74e.pth")),
            "topiq_nr-spaq": ("SPAQ", own("cfanet_nr_spaq_res50-a7f799ac.pth")),
            "topiq_iaa": ("AVA, aesthetics", own(_AVA_SWIN)),
            "topiq_iaa_res50": ("AVA, ResNet-50", own("cfanet_iaa_ava_res50-3cd62bb3.pth")),
        },
    ),
    (
        "quality by rank and consistency",
        "Golestaneh et al., WACV 2022, arXiv:2108.06858",
        {
            "tres": ("KonIQ-10k", own("tres_koniq-f0502926.pth")),
            "tres-flive": ("FLIVE", own("tres_flive-09b0de5b.pth")),
        },
    ),
    (
        "quality by a network that another one makes for each picture",
        "Su et al., CVPR 2020",
        {"hyperiqa": ("KonIQ-10k", own("HyperIQA-resnet50-koniq10k-c96c41b1.pth"))},
    ),
    (
        "quality from patches to pictures",
        "Ying et al., CVPR 2020, arXiv:1912.10088",
        {"paq2piq": ("PaQ-2-PiQ", own("P2P_RoIPoolModel-fit.10.bs.120-ca69882e.pth"))},
    ),
    (
        "quality as a weighted mean over patches",
        "Bosse et al., IEEE TIP 2018, arXiv:1612.01697",
        {"wadiqam_nr": ("KonIQ-10k", own("WaDIQaM-NR-koniq-aaffea29.pth"))},
    ),
    (
        "quality on a manifold of distortions",
        "Agnolucci et al., WACV 2024, arXiv:2310.14918",
        {
            "arniqa": (
                "KonIQ-10k",
                _arniqa(
                    "regressor_koniq10k.pth",
                    "af8f127aca38a8e1082e066b5ee93e533bf5f33aaf9c76b3c31526ef901919e1",
                ),
            ),
            "arniqa-kadid": (
                "KADID-10k",
                _arniqa(
                    "regressor_kadid10k.pth",
                    "4315bf471d52eb7d3e5de1e2ac8bb465f8eec10cd724103c72a178b9aaa4aa3f",
                ),
            ),
            "arniqa-spaq": (
                "SPAQ",
                _arniqa(
                    "regressor_spaq.pth",
                    "dbee93f9a8deb3c8357af0b7d4598c153b4a10075be34f9b69daa1aa04e778e3",
                ),
            ),
        },
    ),
    (
        "aesthetics by a head on CLIP",
        "Schuhmann, improved-aesthetic-predictor, 2022",
        {"laion_aes": ("SAC, LAION logos and AVA", _clip(_L14, _AESTHETIC))},
    ),
)
