// What a setting's text must look like. Used by settings.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "library/meta/settings.h"

namespace wellhead::meta {

// Milliseconds of a duration, bytes of a size, or an integer; nullopt when malformed.
std::optional<std::int64_t> parse_number(const SettingDefinition& definition, std::string_view text);

// The value as it is kept (paths absolute, choices as listed), or nullopt when it is malformed or out of its limits.
std::optional<std::string> normalized(const SettingDefinition& definition, std::string_view text);

// What the setting takes, for messages: "an integer from 1 to 256".
std::string expectation(const SettingDefinition& definition);

}  // namespace wellhead::meta
