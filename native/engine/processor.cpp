// The Python module glassnet._native_processor: which variant of the native module this processor can run. It is by
// itself, so that nothing of a variant is loaded before that is known.

#include <Python.h>

namespace {

// Of those that CMakeLists.txt builds; None where none of them runs.
PyObject* best_variant(PyObject*, PyObject*) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("x86-64-v4")) return PyUnicode_FromString("_native_avx512");
    if (__builtin_cpu_supports("x86-64-v3")) return PyUnicode_FromString("_native_avx2");
    Py_RETURN_NONE;
#else
    return PyUnicode_FromString("_native");
#endif
}

PyMethodDef methods[] = {{"best_variant", best_variant, METH_NOARGS, "The name of the best variant, or None."},
                         {nullptr, nullptr, 0, nullptr}};

PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_native_processor", nullptr, 0, methods, nullptr, nullptr, nullptr, nullptr};

}  // namespace

// NOLINTNEXTLINE(bugprone-reserved-identifier): Python wants this name
PyMODINIT_FUNC PyInit__native_processor() { return PyModule_Create(&definition); }
