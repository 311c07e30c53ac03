// What the converter knows of FHIR R4's types: their names, which elements are choices, which hold dates. It has no
// definitions of resources: the type of an element is known by its name, or not at all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "library/converter/temporal.h"

namespace wellhead::converter {

// A data type that a choice element may have, in FHIR's own spelling: `string`, `Quantity`.
bool is_data_type(std::string_view name);
bool is_primitive_type(std::string_view name);
// Whether an instance of `type` is one of `wanted`: itself, or what it specializes (a code is a string, an Age a
// Quantity).
bool is_subtype(std::string_view type, std::string_view wanted);
// `String` of FHIRPath's System types is `string`; other names as they are.
std::string_view fhir_type_name(std::string_view name);

// `value` of `value[x]`, in R4 or R5.
bool is_choice_element(std::string_view name);

struct ChoiceKey {
  std::string_view element;  // value
  std::string_view type;     // Quantity
};
// Of the JSON name of a choice element; nullopt: it is none.
std::optional<ChoiceKey> split_choice_key(std::string_view key);
// Whether the JSON name is one of the choice element's.
bool is_choice_key(std::string_view key, std::string_view element);

// The kind of an element that holds a date or time by its JSON name; nullopt: another element.
std::optional<TemporalKind> temporal_element(std::string_view key);

// The name with a capital first letter.
std::string capitalized(std::string_view name);

}  // namespace wellhead::converter
