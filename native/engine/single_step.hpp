#pragma once

#include <nanobind/nanobind.h>

namespace glassnet {

// The class SingleStep, see there.
void bind_single_step(nanobind::module_& module);

}  // namespace glassnet
