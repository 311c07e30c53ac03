#include "app/fhirsim/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "library/meta/error.h"

namespace wellhead::fhirsim {
namespace {

[[noreturn]] void refuse_search(const std::string& what) { throw meta::Error(meta::ErrorCode::invalid_input, what); }

Search::Values split(std::string_view list) {
  Search::Values values;
  while (true) {
    const auto comma = list.find(',');
    if (const auto value = list.substr(0, comma); !value.empty()) values.emplace_back(value);
    if (comma == std::string_view::npos) return values;
    list.remove_prefix(comma + 1);
  }
}

std::size_t parse_count(std::string_view text) {
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size())
    refuse_search("HAPI-0436: Invalid _count parameter value");
  return count;
}

Search::LastUpdated parse_last_updated(std::string_view text) {
  Search::LastUpdated filter;
  if (text.size() > 2 && text[0] >= 'a' && text[0] <= 'z') {
    filter.prefix = text.substr(0, 2);
    text.remove_prefix(2);
  }
  constexpr std::array<std::string_view, 9> known = {"", "eq", "ne", "gt", "ge", "lt", "le", "sa", "eb"};
  const auto period = parse_period(text);
  if (!period || std::ranges::find(known, filter.prefix) == known.end()) {
    refuse_search("HAPI-1882: Invalid date/time format in _lastUpdated");
  }
  filter.period = *period;
  return filter;
}

bool holds(const Search::LastUpdated& filter, Instant time) {
  const auto& [prefix, period] = filter;
  if (prefix == "gt" || prefix == "sa") return time >= period.end;
  if (prefix == "ge") return time >= period.begin;
  if (prefix == "lt" || prefix == "eb") return time < period.begin;
  if (prefix == "le") return time < period.end;
  const bool inside = time >= period.begin && time < period.end;
  return prefix == "ne" ? !inside : inside;
}

Search::Values without_type(Search::Values references) {
  constexpr std::string_view prefix = "Patient/";
  for (auto& reference : references) {
    if (reference.starts_with(prefix)) reference.erase(0, prefix.size());
  }
  return references;
}

// Parameters that say how to answer, not what to find; true when this was one.
bool read_control(const std::string& name, const std::string& value, Search& search) {
  if (name == "_count") {
    search.count = parse_count(value);
    if (*search.count == 0) search.only_total = true;
    return true;
  }
  if (name == "_summary") {
    if (value != "count" && value != "false") refuse_search("fhirsim knows _summary=count and _summary=false only");
    search.only_total = value == "count";
    return true;
  }
  if (name == "_total") {
    search.accurate_total = value == "accurate";
    return true;
  }
  return name == "_elements" || name == "_format" || name == "_pretty";
}

bool read_filter(const std::string& name, const std::string& value, Search& search) {
  const bool patients = search.type == ResourceType::patient;
  if (name == "_id") {
    search.ids.push_back(split(value));
  } else if (name == "_lastUpdated") {
    search.last_updated.push_back(parse_last_updated(value));
  } else if (patients && (name == "address-postalcode" || name == "address-postalcode:exact")) {
    search.postal_codes.push_back({split(value), name.ends_with(":exact")});
  } else if (!patients && (name == "patient" || name == "subject" || name == "subject:Patient")) {
    search.patients.push_back(without_type(split(value)));
  } else {
    return false;
  }
  return true;
}

std::vector<Ref> find_by_id(const Store& store, ResourceType type, const Search::Values& ids) {
  std::vector<Ref> found;
  for (const auto& id : ids) {
    const auto [presence, ref] = store.find(type, id);
    const bool repeated = std::ranges::find(found, ref) != found.end();
    if (presence == Store::Presence::present && !repeated) found.push_back(ref);
  }
  return found;
}

std::vector<Ref> find_by_patient(const Store& store, ResourceType type, Search::Values patients) {
  std::vector<Ref> found;
  std::ranges::sort(patients);
  const auto repeated = std::ranges::unique(patients);
  patients.erase(repeated.begin(), repeated.end());
  for (const auto& patient : patients) store.resources_of(type, patient, found);
  return found;
}

std::vector<Ref> find_by_postal_code(const Store& store, const Search::PostalCode& filter) {
  return store.patients([&filter](std::string_view code) {
    return std::ranges::any_of(filter.values, [&](const std::string& value) {
      return filter.exact ? code == value : code.starts_with(value);
    });
  });
}

// Keeps of `found` what is also in `other`.
void intersect(std::vector<Ref>& found, std::vector<Ref> other) {
  std::ranges::sort(other, {}, &Ref::value);
  std::erase_if(found, [&](Ref ref) { return !std::ranges::binary_search(other, ref.value, {}, &Ref::value); });
}

}  // namespace

Search parse_search(ResourceType type, const Parameters& parameters, bool lenient) {
  Search search{.type = type};
  search.key = to_string(type);
  for (const auto& [name, value] : parameters) {
    if (value.empty()) continue;
    if (read_control(name, value, search)) continue;
    if (read_filter(name, value, search)) {
      search.key.append("&").append(name).append("=").append(value);
    } else if (!lenient) {
      refuse_search(
          fmt::format(R"(HAPI-0524: Unknown search parameter "{}" for resource type "{}")", name, to_string(type)));
    }
  }
  return search;
}

std::vector<Ref> run_search(const Store& store, const Search& search) {
  std::optional<std::vector<Ref>> found;
  const auto narrow = [&found](std::vector<Ref> refs) {
    if (found) {
      intersect(*found, std::move(refs));
    } else {
      found = std::move(refs);
    }
  };
  for (const auto& filter : search.postal_codes) narrow(find_by_postal_code(store, filter));
  for (const auto& patients : search.patients) narrow(find_by_patient(store, search.type, patients));
  for (const auto& ids : search.ids) narrow(find_by_id(store, search.type, ids));
  if (!found) found = store.all(search.type);
  for (const auto& filter : search.last_updated) {
    std::erase_if(*found, [&](Ref ref) { return !holds(filter, store.last_updated(ref)); });
  }
  return std::move(*found);
}

}  // namespace wellhead::fhirsim
