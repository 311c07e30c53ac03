#include "app/fhirsim/faults.h"

#include <algorithm>
#include <array>

#include "app/fhirsim/mixing.h"
#include "library/meta/error.h"

namespace wellhead::fhirsim {
namespace {

constexpr std::array<std::string_view, 21> kKinds = {
    "latency",     "hold",         "reset",      "bearer",    "too_many_requests", "server_error",  "html_error",
    "redirect",    "expire_pages", "short_list", "self_link", "repeat_entries",    "foreign_next",  "no_next",
    "wrong_total", "malformed",    "oversize",   "deep",      "truncate",          "reset_in_body", "drip"};

constexpr std::array<std::string_view, 8> kDamages = {
    "bad_utf8",        "truncated_json",  "missing_id", "wrong_type", "wrong_resource_type",
    "impossible_date", "wrong_reference", "nul"};

[[noreturn]] void refuse_fault(const std::string& what) {
  throw meta::Error(meta::ErrorCode::invalid_input, what,
                    "see app/fhirsim/faults.h for the kinds of faults and their fields");
}

void check(const FaultRule& rule) {
  if (std::ranges::find(kKinds, rule.kind) == kKinds.end()) refuse_fault("unknown kind of fault '" + rule.kind + "'");
  if (rule.kind == "malformed" && std::ranges::find(kDamages, rule.what) == kDamages.end()) {
    refuse_fault("malformed: unknown what '" + rule.what + "'");
  }
  if ((rule.kind == "redirect" || rule.kind == "foreign_next") && rule.url.empty())
    refuse_fault(rule.kind + ": url is missing");
  if (rule.kind == "bearer" && rule.token.empty()) refuse_fault("bearer: token is missing");
  if (rule.every < 1) refuse_fault("every must be at least 1");
}

FaultRule parse_rule(meta::JsonValue value) {
  std::vector<std::pair<std::string_view, meta::JsonValue>> members;
  if (!value.get(members)) refuse_fault("a fault is a JSON object");
  for (const auto& [name, _] : members) {
    const bool known =
        std::apply([&](const auto&... entry) { return ((entry.name == name) || ...); }, FaultRule::kFields);
    if (!known) refuse_fault("unknown field '" + std::string(name) + "' of a fault");
  }
  FaultRule rule;
  meta::read_json(value, "fault", rule);
  rule.fired = 0;
  check(rule);
  return rule;
}

}  // namespace

std::vector<FaultRule> parse_fault_rules(std::string_view json) {
  const meta::JsonDocument document(json);
  std::vector<FaultRule> rules;
  if (std::vector<meta::JsonValue> list; document.root().get(list)) {
    for (const meta::JsonValue element : list) rules.push_back(parse_rule(element));
  } else {
    rules.push_back(parse_rule(document.root()));
  }
  return rules;
}

FaultRule parse_fault_words(std::string_view words) {
  const auto kind_end = std::min(words.find(','), words.size());
  rapidjson::StringBuffer json;
  meta::JsonWriter out(json);
  out.StartObject();
  out.Key("kind");
  meta::write_text(out, words.substr(0, kind_end));
  for (auto begin = kind_end; begin < words.size();) {
    const auto end = std::min(words.find(',', begin + 1), words.size());
    const auto word = words.substr(begin + 1, end - begin - 1);
    const auto equals = word.find('=');
    if (equals == std::string_view::npos) refuse_fault("'" + std::string(word) + "' is not of the form name=value");
    const auto value = word.substr(equals + 1);
    constexpr std::array<std::string_view, 7> texts = {"match", "method", "retry_after", "token", "url", "what", "id"};
    out.Key(word.data(), static_cast<rapidjson::SizeType>(equals));
    if (std::ranges::find(texts, word.substr(0, equals)) != texts.end()) {
      meta::write_text(out, value);
    } else {
      out.RawValue(value.data(), value.size(), rapidjson::kNumberType);
    }
    begin = end;
  }
  out.EndObject();
  return parse_fault_rules({json.GetString(), json.GetSize()}).front();
}

void Faults::add(std::vector<FaultRule> rules) {
  for (auto& rule : rules) {
    // A rotated token replaces the one before.
    if (rule.kind == "bearer") std::erase_if(rules_, [](const FaultRule& old) { return old.kind == "bearer"; });
    rules_.push_back(std::move(rule));
  }
}

void Faults::clear() {
  rules_.clear();
  draws_.clear();
  ++clearings_;
}

const FaultRule* Faults::fire(std::string_view kind, FaultSubject& subject) {
  for (auto& rule : rules_) {
    if (hits(rule, kind, subject) && apply(rule, subject)) return &rule;
  }
  return nullptr;
}

FaultRule* Faults::find(std::string_view kind, const FaultSubject& subject) {
  for (auto& rule : rules_) {
    if (hits(rule, kind, subject)) return &rule;
  }
  return nullptr;
}

bool Faults::hits(const FaultRule& rule, std::string_view kind, const FaultSubject& subject) {
  return rule.kind == kind && rule.times != 0 && (rule.method.empty() || rule.method == subject.method) &&
         (rule.match.empty() || subject.text.contains(rule.match));
}

bool Faults::apply(FaultRule& rule, FaultSubject& subject) {
  if (rule.after > 0) {
    --rule.after;
    return false;
  }
  if (rule.probability < 1 && draw(rule, subject) >= rule.probability) return false;
  if (rule.times > 0) --rule.times;
  ++rule.fired;
  subject.applied.push_back(rule.kind);
  return true;
}

double Faults::draw(const FaultRule& rule, const FaultSubject& subject) {
  const auto place = static_cast<std::uint64_t>(&rule - rules_.data());
  const std::uint64_t key = mix(seed_ + place) ^ hash_text(subject.text);
  return static_cast<double>(mix(key + draws_[key]++) >> 11) * 0x1p-53;
}

}  // namespace wellhead::fhirsim
