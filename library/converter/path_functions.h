// The functions of FHIRPath that are compiled alike: what they are called with and what they give.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "library/converter/path_compiler.h"

namespace wellhead::converter {

// What a function's arguments are evaluated against: each item of its input, or what the function is called in.
enum class ArgumentScope : std::uint8_t { context, items };

struct PathFunction {
  std::string_view name;
  OperationCode code = OperationCode::self;
  std::size_t least = 0;  // arguments
  std::size_t most = 0;
  ResultType result = ResultType::unknown;
  ResultType input = ResultType::unknown;  // what its input has to be
  bool keeps_shape = false;                // gives items of its input
  ArgumentScope scope = ArgumentScope::context;
  std::string_view text;  // the operation's text: the type that it converts to
};

// nullptr: there is no such function, or it is compiled in a way of its own.
const PathFunction* find_path_function(std::string_view name);

// Why a function that FHIRPath has is refused; empty: FHIRPath does not have it either.
std::string_view refused_function(std::string_view name);

}  // namespace wellhead::converter
