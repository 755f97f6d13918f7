// The Python module glassnet._native, or one of its variants: the same bindings around kernels for other processors.

#include <nanobind/nanobind.h>

namespace glassnet {
void bind(nanobind::module_& module);
}

NB_MODULE(GLASSNET_MODULE, module) { glassnet::bind(module); }
