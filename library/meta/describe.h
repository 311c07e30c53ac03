// A struct is described once, by a list of its fields' names; that makes it JSON both ways. Used for the inputs and
// results of workflows and activities and for what the API answers.
//
//   struct PatientPage {
//     meta::RunId run;
//     std::optional<std::string> next;
//     static constexpr auto kFields = meta::fields(meta::field("run", &PatientPage::run),
//                                                  meta::field("next", &PatientPage::next));
//   };
//   std::string text = meta::to_json(page);
//   auto page = meta::from_json<PatientPage>(text);
//
// Types: bool, integers, double, std::string, Zipcode, StrongId, std::chrono durations (as a count), Time (RFC 3339,
// written only), std::optional (absent when empty), std::vector, std::map with string keys, other described structs.
// Reading: a missing field keeps its default, so that a journal written before a field existed can still be read; an
// unknown field is ignored; a wrong type throws Error{invalid_input} that names the field.
#pragma once

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <chrono>
#include <concepts>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "library/meta/clock.h"
#include "library/meta/ids.h"
#include "library/meta/json_value.h"

namespace wellhead::meta {

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

template <class Struct, class Member>
struct Field {
  std::string_view name;
  Member Struct::* member;
};

template <class Struct, class Member>
constexpr Field<Struct, Member> field(std::string_view name, Member Struct::* member) {
  return {name, member};
}

template <class... Fields>
constexpr std::tuple<Fields...> fields(Fields... list) {
  return {list...};
}

template <class T>
concept Described = requires { T::kFields; };

namespace describe_detail {

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;
template <class T>
inline constexpr bool kIsMap = false;
template <class T>
inline constexpr bool kIsMap<std::map<std::string, T>> = true;
template <class T>
inline constexpr bool kIsStrongId = false;
template <class Tag>
inline constexpr bool kIsStrongId<StrongId<Tag>> = true;
template <class T>
inline constexpr bool kIsDuration = false;
template <class Rep, class Period>
inline constexpr bool kIsDuration<std::chrono::duration<Rep, Period>> = true;

[[noreturn]] void wrong_type(std::string_view name, std::string_view expected);

}  // namespace describe_detail

inline void write_text(JsonWriter& out, std::string_view text) {
  out.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

template <class T>
void write_json(JsonWriter& out, const T& value) {
  using namespace describe_detail;
  if constexpr (std::same_as<T, bool>) {
    out.Bool(value);
  } else if constexpr (std::is_enum_v<T>) {
    write_text(out, to_string(value));
  } else if constexpr (std::unsigned_integral<T>) {
    out.Uint64(value);
  } else if constexpr (std::integral<T>) {
    out.Int64(value);
  } else if constexpr (std::floating_point<T>) {
    out.Double(value);
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    write_text(out, value);
  } else if constexpr (std::same_as<T, Zipcode>) {
    write_text(out, value.text());
  } else if constexpr (std::same_as<T, Time>) {
    write_text(out, to_rfc3339(value));
  } else if constexpr (kIsStrongId<T>) {
    out.Int64(value.value);
  } else if constexpr (kIsDuration<T>) {
    out.Int64(value.count());
  } else if constexpr (kIsOptional<T>) {
    if (value) {
      write_json(out, *value);
    } else {
      out.Null();
    }
  } else if constexpr (kIsVector<T>) {
    out.StartArray();
    for (const auto& item : value) write_json(out, item);
    out.EndArray();
  } else if constexpr (kIsMap<T>) {
    out.StartObject();
    for (const auto& [key, item] : value) {
      out.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
      write_json(out, item);
    }
    out.EndObject();
  } else {
    static_assert(Described<T>, "no kFields");
    out.StartObject();
    std::apply(
        [&](const auto&... entry) {
          [[maybe_unused]] const auto write_field = [&](const auto& described) {
            const auto& member = value.*described.member;
            if constexpr (kIsOptional<std::remove_cvref_t<decltype(member)>>) {
              if (!member) return;
            }
            out.Key(described.name.data(), static_cast<rapidjson::SizeType>(described.name.size()));
            write_json(out, member);
          };
          (write_field(entry), ...);
        },
        T::kFields);
    out.EndObject();
  }
}

template <class T>
void read_json(JsonValue in, std::string_view name, T& value) {
  using namespace describe_detail;
  if constexpr (std::same_as<T, bool>) {
    if (!in.get(value)) wrong_type(name, "true or false");
  } else if constexpr (std::integral<T>) {
    std::conditional_t<std::unsigned_integral<T>, std::uint64_t, std::int64_t> wide{};
    if (!in.get(wide) || !std::in_range<T>(wide)) wrong_type(name, "an integer in range");
    value = static_cast<T>(wide);
  } else if constexpr (std::floating_point<T>) {
    double wide{};
    if (!in.get(wide)) wrong_type(name, "a number");
    value = static_cast<T>(wide);
  } else if constexpr (std::same_as<T, std::string>) {
    std::string_view text;
    if (!in.get(text)) wrong_type(name, "a string");
    value = text;
  } else if constexpr (std::same_as<T, Zipcode>) {
    std::string_view text;
    if (!in.get(text)) wrong_type(name, "a zip code");
    value = text.empty() ? Zipcode() : Zipcode::parse(text);
  } else if constexpr (kIsStrongId<T>) {
    read_json(in, name, value.value);
  } else if constexpr (kIsDuration<T>) {
    std::int64_t count{};
    if (!in.get(count)) wrong_type(name, "an integer");
    value = T(static_cast<typename T::rep>(count));
  } else if constexpr (kIsOptional<T>) {
    if (in.is_null()) {
      value.reset();
    } else {
      read_json(in, name, value.emplace());
    }
  } else if constexpr (kIsVector<T>) {
    std::vector<JsonValue> items;
    if (!in.get(items)) wrong_type(name, "an array");
    value.clear();
    value.reserve(items.size());
    for (const JsonValue item : items) read_json(item, name, value.emplace_back());
  } else if constexpr (kIsMap<T>) {
    std::vector<std::pair<std::string_view, JsonValue>> members;
    if (!in.get(members)) wrong_type(name, "an object");
    value.clear();
    for (const auto& [key, member] : members) read_json(member, key, value[std::string(key)]);
  } else {
    static_assert(Described<T>, "no kFields");
    if (!in.is_object()) wrong_type(name, "an object");
    std::apply(
        [&](const auto&... entry) {
          [[maybe_unused]] const auto read_field = [&](const auto& described) {
            if (const auto found = in.member(described.name)) {
              read_json(*found, described.name, value.*described.member);
            }
          };
          (read_field(entry), ...);
        },
        T::kFields);
  }
}

template <class T>
std::string to_json(const T& value) {
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  write_json(writer, value);
  return {buffer.GetString(), buffer.GetSize()};
}

// Throws Error{invalid_input}.
template <class T>
T from_json(std::string_view text) {
  const JsonDocument document(text);
  T value{};
  read_json(document.root(), "document", value);
  return value;
}

}  // namespace wellhead::meta
