#include "engine/kernel.hpp"

#include <stdexcept>
#include <unordered_map>

namespace glassnet {
namespace {

// Made at the first registration, since files are initialised in any order. Never destroyed: threads may look at it
// until the process has ended.
std::unordered_map<std::string, Kernel>& kernels() {
    static auto& found = *new std::unordered_map<std::string, Kernel>;
    return found;
}

std::unordered_map<std::string, AbreastKernel>& abreast_kernels() {
    static auto& found = *new std::unordered_map<std::string, AbreastKernel>;
    return found;
}

}  // namespace

AbreastRegistration::AbreastRegistration(const char* name, const AbreastKernel& kernel) {
    abreast_kernels().emplace(name, kernel);
}

const AbreastKernel* abreast_kernel_for(const std::string& name) {
    const auto place = abreast_kernels().find(name);
    return place == abreast_kernels().end() ? nullptr : &place->second;
}

Registration::Registration(const char* name, const Kernel& kernel) {
    if (!kernels().emplace(name, kernel).second) throw std::logic_error(std::string("two kernels are called ") + name);
}

bool has_kernel(const std::string& name) { return kernels().contains(name); }

const Kernel& kernel_for(const std::string& name, std::size_t operands, std::size_t settings) {
    const auto place = kernels().find(name);
    if (place == kernels().end()) throw std::invalid_argument("no native kernel " + name);
    const Kernel& kernel = place->second;
    const auto count = [](std::size_t arrays, std::size_t numbers) {
        return std::to_string(arrays) + " arrays and " + std::to_string(numbers) + " settings";
    };
    if (operands != kernel.operands || settings != kernel.settings)
        throw std::invalid_argument("native kernel " + name + ": received " + count(operands, settings) +
                                    ", expected " + count(kernel.operands, kernel.settings));
    return kernel;
}

}  // namespace glassnet
