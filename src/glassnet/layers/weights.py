"""The weights of a layer: shared with its twins, frozen or trained, read and written."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Self
from weakref import ReferenceType, ref

import numpy as np

from glassnet.core.errors import ConfigurationError, did_you_mean, shown
from glassnet.core.parameters import Parameter, Watched
from glassnet.core.settings import Configurable, boolean, number
from glassnet.core.shapes import Array


@dataclass(eq=False)
class Weights:
    """What twins have in common.

    Attributes:
        parameters: by name, those that own their values.
        is_frozen: whether parameters that are yet to come are frozen.
        learning_rate_scale: of parameters that are yet to come.
    """

    parameters: dict[str, Parameter] = field(default_factory=dict)
    is_frozen: bool = False
    learning_rate_scale: float = 1.0


class WithWeights(Configurable, Watched):
    """What has parameters, in itself or in layers inside: a layer or a network.

    A layer stands in one network. Where it is to stand elsewhere, too, a twin does: the same settings, the same
    parameters, a path of its own.
    """

    is_network = False
    """Whether layers inside have their parameters in one buffer with those of this one."""

    _is_second = False
    """Whether another layer with the same weights comes first in the network."""

    _never_trained = False
    """Whether its weights are not trained from here: see ``frozen``."""

    _home: ReferenceType[Any] | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        held = self.__dict__.get(name)
        if isinstance(held, Parameter) and not isinstance(value, Parameter):
            held.value = value
        else:
            super().__setattr__(name, value)
        if "_is_trial" not in self.__dict__:
            self.note_change()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_home", "_changed")}

    @property
    def home(self) -> Any:
        """The network that it stands in; None where there is none, or none any more."""
        return None if self._home is None else self._home()

    def stand_in(self, network: Any) -> None:
        """Notes the network that it stands in."""
        self.__dict__["_home"] = ref(network)

    def copy(self) -> Self:
        """An independent layer, with copies of its weights."""
        return deepcopy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """A copy without a network around it."""
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        state = deepcopy(self.__getstate__(), memo)
        if hasattr(twin, "__setstate__"):
            twin.__setstate__(state)
        else:
            twin.__dict__.update(state)
        return twin

    def own_parameters(self) -> dict[str, Parameter]:
        """The layer's own parameters by name, in the order of their creation."""
        found: dict[str, Parameter] = self.__dict__.setdefault("_parameters", {})
        return found

    def share_weights(self, other: WithWeights) -> None:
        """Becomes a twin of a layer with the same settings; before the network is built."""
        self.__dict__["_weights"] = other.weights_in_common

    @property
    def weights_in_common(self) -> Weights:
        """What it shares with its twins."""
        found: Weights = self.__dict__.setdefault("_weights", Weights())
        return found

    @abstractmethod
    def walk(self, prefix: str = "") -> Iterator[tuple[str, WithWeights]]:
        """Every layer inside, with its path."""

    def _everyone(self) -> list[WithWeights]:
        """This layer and those inside."""
        return [self, *(layer for _, layer in self.walk())]

    def twin(self) -> Self:
        """Another layer with the same settings and the same weights, for a second place: trained there, too.

        Networks make one by themselves where a layer is put into them that stands in a network already.
        """
        made = type(self).__new__(type(self))
        inside = {"_weights": self.weights_in_common, "_parameters": dict(self.own_parameters()), "_home": None}
        made.__dict__.update(self.__dict__, **inside)
        return made

    def frozen(self) -> Self:
        """Another layer with the same weights, which is never trained from there: the layer itself may well be.

        Example:
            >>> import glassnet as gn
            >>> judge = gn.Sequential(gn.Dense(8), gn.ReLU(), gn.Dense(1))
            >>> _ = judge.build((2,))
            >>> maker = gn.Sequential(gn.Dense(2), judge.frozen())
            >>> _ = maker.build((3,))
            >>> str(maker.summary()).splitlines()[-1].strip()
            'trained 8, not trained 33 (frozen)'
        """
        made = self.twin()
        for layer in made._everyone():
            layer._never_trained = True
        return made

    def freeze(self) -> Self:
        """Lets no update move its parameters, and those of layers inside, until ``unfreeze``; at any time.

        A frozen ``BatchNorm`` normalises by its running statistics and leaves them as they are.
        """
        return self._set_frozen(True)

    def unfreeze(self) -> Self:
        """Lets updates move all its parameters again."""
        return self._set_frozen(False)

    def _set_frozen(self, given: bool) -> Self:
        for layer in self._everyone():
            layer.weights_in_common.is_frozen = given
            for parameter in layer.own_parameters().values():
                if not parameter.is_statistic and not layer._never_trained:
                    parameter.trainable = not given
            layer.note_change()
        return self

    @property
    def trainable(self) -> bool:
        """Whether updates move any of its parameters, once it has some; to be set at any time."""
        layers = self._everyone()
        parameters = [p for layer in layers for p in layer.own_parameters().values() if not p.is_statistic]
        if parameters:
            return any(p.trainable for p in parameters)
        return not all(layer.weights_in_common.is_frozen or layer._never_trained for layer in layers)

    @trainable.setter
    def trainable(self, given: bool) -> None:
        self._set_frozen(not boolean(given, "trainable", repr(self)))

    @property
    def learning_rate_scale(self) -> float | None:
        """Multiplies the learning rate of its parameters' updates (1); None where they have different ones.

        To be set at any time; for one parameter alone: ``layer.bias.learning_rate_scale = 2``.
        """
        layers = self._everyone()
        scales = {
            scale
            for layer in layers
            for scale in [p.learning_rate_scale for p in layer.own_parameters().values() if not p.is_statistic]
            or ([layer.weights_in_common.learning_rate_scale] if len(layers) == 1 else [])
        }
        return scales.pop() if len(scales) == 1 else None if scales else 1.0

    @learning_rate_scale.setter
    def learning_rate_scale(self, given: float) -> None:
        scale = number(given, "learning_rate_scale", repr(self), low=0)
        for layer in self._everyone():
            layer.weights_in_common.learning_rate_scale = scale
            for parameter in layer.own_parameters().values():
                if not parameter.is_statistic:
                    parameter.learning_rate_scale = scale

    def weights(self) -> dict[str, Array]:
        """Copies of all values by name: ``"weight"``, and of layers inside ``"0.weight"``; statistics included."""
        return {name: np.array(parameter.value) for name, parameter in self._all_parameters().items()}

    def set_weights(self, values: Mapping[str, Any]) -> None:
        """Changes values, by the names that ``weights`` has; those that are not named stay.

        Raises:
            ConfigurationError: an unknown name.
            ShapeError: no finite numbers of the parameter's shape. In either case nothing is changed.
        """
        known = self._all_parameters()
        if not isinstance(values, Mapping):
            raise ConfigurationError(
                where=f"set_weights of {self!r:.60}",
                received=shown(values),
                expected="a dict of arrays by name",
                fix='write set_weights({"0.weight": array}); weights() gives the names',
            )
        for name in values:
            if name not in known:
                raise ConfigurationError(
                    where=f"set_weights of {self!r:.60}",
                    received=f"the name {name!r}",
                    expected=f"names of {', '.join(known)}"[:300],
                    fix=did_you_mean(str(name), known) + "use the names that weights() gives",
                )
        for check in (True, False):
            for name, given in values.items():
                place = known[name]
                if check:
                    trial = Parameter(name, place.shape, place.draw, least=place.least)
                    trial.show(np.empty(place.shape, place.dtype), trial.gradient)
                    trial[...] = given
                else:
                    place[...] = given

    def _all_parameters(self) -> dict[str, Parameter]:
        found = dict(self.own_parameters())
        for path, layer in self.walk():
            found |= {f"{path}.{name}": p for name, p in layer.own_parameters().items() if not layer._is_second}
        return found
