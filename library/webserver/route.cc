#include "library/webserver/route.h"

#include <algorithm>
#include <utility>

#include "library/meta/error.h"

namespace wellhead::webserver {
namespace {

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const auto end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

std::string_view parameter_name(std::string_view segment) { return segment.substr(1, segment.size() - 2); }

bool same_shape(const std::vector<std::string>& left, const std::vector<std::string>& right) {
  return std::ranges::equal(left, right, [](const std::string& a, const std::string& b) {
    return a == b || (is_parameter(a) && is_parameter(b));
  });
}

// Plain segments before parameters, so that /runs/latest would win over /runs/{id}.
bool matches(const std::vector<std::string>& pattern, const std::vector<std::string_view>& segments) {
  return std::ranges::equal(pattern, segments, [](const std::string& part, std::string_view segment) {
    return is_parameter(part) ? !segment.empty() : part == segment;
  });
}

void require(bool holds, const Route& route, std::string_view what) {
  if (holds) return;
  throw meta::Error(meta::ErrorCode::internal,
                    "route " + std::string(to_string(route.method)) + " " + route.path + " " + std::string(what));
}

void check(const Route& route, const std::vector<std::string>& segments) {
  require(route.path.starts_with('/'), route, "has a path without a slash in front");
  require(static_cast<bool>(route.handler), route, "has no handler");
  require(!route.documented || !route.operation_id.empty(), route, "has no operation id");
  require(!route.responses.empty(), route, "has no response");
  for (const std::string& segment : segments) {
    if (!is_parameter(segment)) continue;
    const auto declared = std::ranges::any_of(route.parameters, [&](const Parameter& p) {
      return p.in == ParameterIn::path && p.name == parameter_name(segment);
    });
    require(declared, route, "does not declare the parameter in its path");
  }
  for (const Parameter& parameter : route.parameters) {
    require(!parameter.pattern || parameter.pattern->matches, route, "has a pattern without a function");
    require(parameter.type != ParameterType::choice || !parameter.choices.empty(), route, "has a choice of nothing");
    if (parameter.in != ParameterIn::path) continue;
    require(std::ranges::find(segments, "{" + parameter.name + "}") != segments.end(), route,
            "declares a path parameter that is not in its path");
  }
}

}  // namespace

bool Route::has_body() const {
  return std::ranges::any_of(parameters, [](const Parameter& p) { return p.in == ParameterIn::body; });
}

RouteTable::RouteTable(ApiDescription description) : description_(std::move(description)) {}

void RouteTable::add(Route route) {
  for (Parameter& parameter : route.parameters) {
    if (parameter.in == ParameterIn::path) parameter.required = true;
  }
  Entry entry{{}, nullptr};
  for (const std::string_view segment : split(route.path)) entry.segments.emplace_back(segment);
  check(route, entry.segments);
  for (const Entry& other : entries_) {
    require(other.route->method != route.method || !same_shape(other.segments, entry.segments), route,
            "is there twice");
  }
  routes_.push_back(std::make_unique<Route>(std::move(route)));
  entry.route = routes_.back().get();
  const auto parameters = [](const Entry& e) { return std::ranges::count_if(e.segments, is_parameter); };
  const auto place = std::ranges::upper_bound(entries_, parameters(entry), {}, parameters);
  entries_.insert(place, std::move(entry));
}

void RouteTable::add(std::vector<Route> routes) {
  for (Route& route : routes) add(std::move(route));
}

void RouteTable::add_schema(Schema schema) { schemas_.push_back(std::move(schema)); }

RouteTable::Match RouteTable::match(Method method, std::string_view path) const {
  Match match;
  if (!path.starts_with('/')) return match;
  const std::string& version = description_.version_path;
  if (!version.empty() && path.starts_with(version) && path.substr(version.size()).starts_with('/')) {
    path.remove_prefix(version.size());
  }
  const std::vector<std::string_view> segments = split(path);
  const Method wanted = method == Method::head ? Method::get : method;
  for (const Entry& entry : entries_) {
    if (!matches(entry.segments, segments)) continue;
    if (entry.route->method != wanted) {
      match.allowed.push_back(entry.route->method);
      if (entry.route->method == Method::get) match.allowed.push_back(Method::head);
      continue;
    }
    for (std::size_t i = 0; i < segments.size(); ++i) {
      if (!is_parameter(entry.segments[i])) continue;
      auto value = decode_percent(segments[i], false);
      match.malformed = match.malformed || !value;
      match.path_values.emplace_back(parameter_name(entry.segments[i]), value.value_or(""));
    }
    match.route = entry.route;
    match.allowed.clear();
    return match;
  }
  return match;
}

}  // namespace wellhead::webserver
