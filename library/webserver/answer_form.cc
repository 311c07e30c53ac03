#include "library/webserver/answer_form.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include "library/meta/digest.h"
#include "library/webserver/content_coding.h"

namespace wellhead::webserver {
namespace {

constexpr std::size_t kWorthCompressing = 1400;  // more than one packet of most networks
constexpr std::uint64_t kTagSeed = 0x65746167;

// W/"a", "b" or *; weak comparison (RFC 9110 §8.8.3.2).
bool names_tag(std::string_view list, std::string_view opaque) {
  if (list == "*") return true;
  return list.find(opaque) != std::string_view::npos;
}

bool is_json(std::string_view type) { return type == "application/json" || type.ends_with("+json"); }

bool is_text(std::string_view type) {
  // Events are small, and wanted at once.
  return is_json(type) || (type.starts_with("text/") && type != "text/event-stream") || type == "application/x-ndjson";
}

std::string_view header_of(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (same_name(key, name)) return value;
  }
  return {};
}

Coding coding_of(std::string_view accept_encoding) {
  if (accept_encoding.empty()) return Coding::identity;
  constexpr std::array<std::string_view, 2> codings = {"zstd", "gzip"};
  const auto best = best_type(accept_encoding, codings);
  if (!best) return Coding::identity;
  return *best == 0 ? Coding::zstd : Coding::gzip;
}

}  // namespace

AnswerForm AnswerForm::of(const Request& request) {
  return {.reads = request.method == Method::get || request.method == Method::head,
          .accept_encoding = std::string(request.header("Accept-Encoding")),
          .if_none_match = std::string(request.header("If-None-Match")),
          .if_modified_since = std::string(request.header("If-Modified-Since"))};
}

void AnswerForm::apply(Response& response) const {
  if (!reads || response.status != 200 || !header_of(response, "Content-Encoding").empty()) return;
  if (!is_text(response.content_type.substr(0, response.content_type.find(';')))) return;
  response.headers.emplace_back("Vary", "Accept, Accept-Encoding");
  if (!response.stream && is_json(response.content_type)) {
    const std::string tag = "\"" + std::string(meta::row_digest(response.body, kTagSeed).hex().data(), 32) + "\"";
    response.headers.emplace_back("ETag", "W/" + tag);
    const std::string_view changed = header_of(response, "Last-Modified");
    const bool same =
        if_none_match.empty() ? !changed.empty() && changed == if_modified_since : names_tag(if_none_match, tag);
    if (same) {
      response.status = 304;
      response.body.clear();
      return;
    }
  }
  const Coding coding = coding_of(accept_encoding);
  if (coding == Coding::identity || (!response.stream && response.body.size() < kWorthCompressing)) return;
  response.headers.emplace_back("Content-Encoding", to_string(coding));
  if (response.stream) {
    response.stream = encoded(std::move(response.stream), coding);
  } else {
    response.body = encoded(response.body, coding);
  }
}

std::string http_date_of(std::string_view moment) {
  using namespace std::chrono;
  constexpr std::array<std::string_view, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (moment.size() < 22 || moment[4] != '-' || moment[10] != ' ' || !moment.ends_with("+00")) return {};
  const auto number = [&](std::size_t at, std::size_t count) {
    int value = 0;
    std::from_chars(moment.data() + at, moment.data() + at + count, value);
    return value;
  };
  const year_month_day date(year(number(0, 4)), month(static_cast<unsigned>(number(5, 2))),
                            day(static_cast<unsigned>(number(8, 2))));
  if (!date.ok()) return {};
  std::string out(days.at(weekday(sys_days(date)).c_encoding()));
  out.append(", ").append(moment.substr(8, 2)).append(" ");
  out.append(months.at(static_cast<unsigned>(date.month()) - 1)).append(" ").append(moment.substr(0, 4));
  return out.append(" ").append(moment.substr(11, 8)).append(" GMT");
}

}  // namespace wellhead::webserver
