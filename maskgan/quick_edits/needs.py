"""What a mask has to show for a quick edit to be possible at all, so that a page can say so before it is pressed."""

from __future__ import annotations

from maskgan.labels import BROWS, EYES, MOUTH, Label

#: By the name of a quick edit, the classes of which a mask has to have one, and what they are called together.
NEEDS: dict[str, tuple[tuple[Label, ...], str]] = {
    **dict.fromkeys(("smile", "open_mouth", "close_mouth", "fuller_lips", "thinner_lips", "beard"), (MOUTH, "mouth")),
    **dict.fromkeys(("bigger_eyes", "smaller_eyes"), (EYES, "eye")),
    **dict.fromkeys(("thicker_brows", "thinner_brows", "raised_brows"), (BROWS, "brow")),
    **dict.fromkeys(("wider_nose", "narrower_nose"), ((Label.NOSE,), "nose")),
    "remove_glasses": ((Label.EYE_G,), "pair of glasses"),
    "remove_hat": ((Label.HAT,), "hat"),
    "remove_earrings": ((Label.EAR_R,), "earring"),
    "remove_necklace": ((Label.NECK_L,), "necklace"),
}
