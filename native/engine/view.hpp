// A view of an object's memory by the buffer protocol, which costs less than an array of nanobind's.
#pragma once

#include <Python.h>

#include <cstdint>

namespace glassnet {

// It may hold nothing: where the object has no such memory, or `wanted` is false.
class View {
public:
    View(PyObject* object, int flags, bool wanted = true)
        : is_valid_(wanted && PyObject_GetBuffer(object, &buffer_, flags) == 0) {
        if (!is_valid_) PyErr_Clear();
    }
    ~View() {
        if (is_valid_) PyBuffer_Release(&buffer_);
    }
    View(const View&) = delete;
    View& operator=(const View&) = delete;

    bool is_valid() const { return is_valid_; }
    // The letter that `struct` has for its elements; 0 for those with more than a letter.
    char format() const {
        return !is_valid_ || buffer_.format == nullptr || buffer_.format[1] != 0 ? '\0' : buffer_.format[0];
    }
    bool is_aligned(std::int64_t to) const {
        return reinterpret_cast<std::uintptr_t>(buffer_.buf) % static_cast<std::uintptr_t>(to) == 0;
    }
    int axes() const { return buffer_.ndim; }
    const Py_ssize_t* shape() const { return buffer_.shape; }
    std::int64_t rows() const { return buffer_.shape[0]; }
    std::int64_t item() const { return buffer_.itemsize; }
    std::int64_t bytes() const { return buffer_.len; }
    char* data() const { return static_cast<char*>(buffer_.buf); }

private:
    Py_buffer buffer_;
    bool is_valid_;
};

}  // namespace glassnet
