#include "service/zipcode/step_log.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>
#include <system_error>

#include "library/meta/error.h"

namespace wellhead::zipcode {
namespace {

constexpr std::string_view kPrefix = "load-zipcode/";

}  // namespace

meta::LogFields log_fields(const orchestration::ActivityInfo& info) {
  meta::LogFields fields{
      .run = std::nullopt, .zipcode = std::nullopt, .step = fmt::format("{}/{}", info.activity, info.sequence)};
  std::string_view id = info.workflow_id;
  if (!id.starts_with(kPrefix)) return fields;
  id.remove_prefix(kPrefix.size());
  const auto slash = id.find('/');
  if (slash == std::string_view::npos) return fields;
  std::int64_t run = 0;
  const auto number = id.substr(slash + 1);
  const auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), run);
  if (failed != std::errc() || end != number.data() + number.size()) return fields;
  try {
    fields.zipcode = meta::Zipcode::parse(id.substr(0, slash));
    fields.run = meta::RunId{run};
  } catch (const meta::Error&) {
    return fields;  // another workflow's id
  }
  return fields;
}

}  // namespace wellhead::zipcode
