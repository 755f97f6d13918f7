// Leaving the Python interpreter and coming back to it, also while it ends.
#pragma once

#include <nanobind/nanobind.h>
#include <unistd.h>

#if defined(__GLIBCXX__)
#include <cxxabi.h>
#endif

namespace glassnet {

// Calls body(), which waits for the interpreter or runs Python.
//
// A program may end while threads of it that nobody waits for (daemons) are in here. The interpreter lets them in no
// more: up to Python 3.13 it ends them where they stand, by unwinding their stacks, and destructors and frames of the
// binding, which must let nothing through, abort the process. So such a thread stays here until the process has ended,
// as from Python 3.14 on it stays in the interpreter. What it works on stays, too: its frames hold it.
template <class Body>
auto while_it_lasts(const Body& body) {
#if defined(__GLIBCXX__)
    try {
        return body();
    } catch (abi::__forced_unwind&) {
        for (;;) pause();
    }
#else
    return body();  // there threads end without unwinding
#endif
}

// Lets other threads have the interpreter as long as it lives.
class WithoutInterpreter {
public:
    WithoutInterpreter() : state_(PyEval_SaveThread()) {}
    ~WithoutInterpreter() {
        while_it_lasts([this] { PyEval_RestoreThread(state_); });
    }
    WithoutInterpreter(const WithoutInterpreter&) = delete;
    WithoutInterpreter& operator=(const WithoutInterpreter&) = delete;

private:
    PyThreadState* state_;
};

// Lets a thread that has left the interpreter use it.
class WithInterpreter {
public:
    WithInterpreter() : state_(while_it_lasts([] { return PyGILState_Ensure(); })) {}
    ~WithInterpreter() { PyGILState_Release(state_); }
    WithInterpreter(const WithInterpreter&) = delete;
    WithInterpreter& operator=(const WithInterpreter&) = delete;

private:
    PyGILState_STATE state_;
};

// Calls a Python function, for which the interpreter is held, and says whether it returned True; where it raised, the
// error stays set. There is no object of the binding in between, which would be destroyed without the interpreter.
inline bool returns_true(PyObject* function) {
    return while_it_lasts([function] {
        PyObject* const result = PyObject_CallNoArgs(function);
        const bool is_true = result == Py_True;
        Py_XDECREF(result);
        return is_true;
    });
}

}  // namespace glassnet
