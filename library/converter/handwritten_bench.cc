#include "library/converter/handwritten_bench.h"

#include <simdjson.h>

#include <algorithm>
#include <optional>

#include "library/converter/evaluator.h"
#include "library/converter/fhir_time.h"

namespace wellhead::converter {
namespace {

namespace ondemand = simdjson::ondemand;
using Text = std::optional<std::string_view>;

struct Coding {
  Text system;
  Text code;
  Text display;
};

struct Concept {
  Coding first;
  Coding loinc;
  bool has_loinc = false;
  Text any_code;  // of the first coding that has one
  Text text;
};

struct Quantity {
  Text value;
  Text comparator;
  Text unit;
  Text system;
  Text code;
};

struct Pair {  // a range, a ratio or a period
  Quantity first;
  Quantity second;
  bool there = false;
};

struct Row {
  Text id, version, updated, patient, encounter, status, category, category_text, effective, effective_end, issued;
  Concept code, coded, absent, interpretation, body_site, method;
  Quantity quantity;
  Text text, boolean, integer, time, date_time;
  Pair range, ratio;
  Text period_start, period_end;
  bool period = false;
  Quantity low, high;
  Text reference_text;
};

void keep(Text& slot, Text value) {
  if (!slot) slot = value;
}

Text string_of(ondemand::value value) { return std::string_view(value.get_string()); }

Text token_of(ondemand::value value) {
  std::string_view token = value.raw_json_token();
  while (!token.empty() &&
         (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' || token.back() == '\t')) {
    token.remove_suffix(1);
  }
  return token;
}

Coding read_coding(ondemand::object object) {
  Coding coding;
  for (auto field : object) {
    const std::string_view key = field.unescaped_key();
    if (key == "system") {
      coding.system = string_of(field.value());
    } else if (key == "code") {
      coding.code = string_of(field.value());
    } else if (key == "display") {
      coding.display = string_of(field.value());
    }
  }
  return coding;
}

void read_concept(ondemand::object object, Concept& result) {
  bool any = false;
  for (auto field : object) {
    const std::string_view key = field.unescaped_key();
    if (key == "text") {
      keep(result.text, string_of(field.value()));
    } else if (key == "coding") {
      for (auto element : field.value().get_array()) {
        const Coding coding = read_coding(element.get_object());
        if (!any) result.first = coding;
        any = true;
        keep(result.any_code, coding.code);
        if (!result.has_loinc && coding.system == "http://loinc.org") {
          result.loinc = coding;
          result.has_loinc = true;
        }
      }
    }
  }
}

void read_concepts(ondemand::array array, Concept& result) {
  for (auto element : array) read_concept(element.get_object(), result);
}

Quantity read_quantity(ondemand::object object) {
  Quantity quantity;
  for (auto field : object) {
    const std::string_view key = field.unescaped_key();
    if (key == "value") {
      quantity.value = token_of(field.value());
    } else if (key == "unit") {
      quantity.unit = string_of(field.value());
    } else if (key == "system") {
      quantity.system = string_of(field.value());
    } else if (key == "code") {
      quantity.code = string_of(field.value());
    } else if (key == "comparator") {
      quantity.comparator = string_of(field.value());
    }
  }
  return quantity;
}

Pair read_pair(ondemand::object object, std::string_view first, std::string_view second) {
  Pair pair;
  pair.there = true;
  for (auto field : object) {
    const std::string_view key = field.unescaped_key();
    if (key == first) {
      pair.first = read_quantity(field.value().get_object());
    } else if (key == second) {
      pair.second = read_quantity(field.value().get_object());
    }
  }
  return pair;
}

void read_period(ondemand::object object, Text& start, Text& end) {
  for (auto field : object) {
    const std::string_view key = field.unescaped_key();
    if (key == "start") start = string_of(field.value());
    if (key == "end") end = string_of(field.value());
  }
}

Text read_reference(ondemand::object object, std::string_view type) {
  for (auto field : object) {
    if (std::string_view(field.unescaped_key()) != "reference") continue;
    std::string_view text = field.value().get_string();
    if (!text.starts_with(type) || text.size() <= type.size() || text[type.size()] != '/') return std::nullopt;
    text.remove_prefix(type.size() + 1);
    text = text.substr(0, text.find("/_history/"));
    return is_fhir_id(text) ? Text(text) : std::nullopt;
  }
  return std::nullopt;
}

void read_meta(ondemand::object object, Row& row) {
  for (auto field : object) {
    const std::string_view key = field.unescaped_key();
    if (key == "versionId") row.version = string_of(field.value());
    if (key == "lastUpdated") row.updated = string_of(field.value());
  }
}

void read_reference_range(ondemand::array array, Row& row) {
  bool first = true;
  for (auto element : array) {
    if (!first) continue;
    first = false;
    for (auto field : element.get_object()) {
      const std::string_view key = field.unescaped_key();
      if (key == "low") row.low = read_quantity(field.value().get_object());
      if (key == "high") row.high = read_quantity(field.value().get_object());
      if (key == "text") row.reference_text = string_of(field.value());
    }
  }
}

void read_value(std::string_view form, ondemand::value value, Row& row) {
  if (form == "Quantity") {
    row.quantity = read_quantity(value.get_object());
  } else if (form == "CodeableConcept") {
    read_concept(value.get_object(), row.coded);
  } else if (form == "String") {
    row.text = string_of(value);
  } else if (form == "Boolean") {
    row.boolean = token_of(value);
  } else if (form == "Integer") {
    row.integer = token_of(value);
  } else if (form == "Time") {
    row.time = string_of(value);
  } else if (form == "DateTime") {
    row.date_time = string_of(value);
  } else if (form == "Range") {
    row.range = read_pair(value.get_object(), "low", "high");
  } else if (form == "Ratio") {
    row.ratio = read_pair(value.get_object(), "numerator", "denominator");
  } else if (form == "Period") {
    row.period = true;
    read_period(value.get_object(), row.period_start, row.period_end);
  }
}

void read_field(std::string_view key, ondemand::value value, Row& row) {
  switch (key.front()) {
    case 'i':
      if (key == "id") row.id = string_of(value);
      if (key == "issued") row.issued = string_of(value);
      if (key == "interpretation") read_concepts(value.get_array(), row.interpretation);
      return;
    case 'm':
      if (key == "meta") read_meta(value.get_object(), row);
      if (key == "method") read_concept(value.get_object(), row.method);
      return;
    case 's':
      if (key == "subject") row.patient = read_reference(value.get_object(), "Patient");
      if (key == "status") row.status = string_of(value);
      return;
    case 'e':
      if (key == "encounter") row.encounter = read_reference(value.get_object(), "Encounter");
      if (key == "effectiveDateTime" || key == "effectiveInstant") row.effective = string_of(value);
      if (key == "effectivePeriod") read_period(value.get_object(), row.effective, row.effective_end);
      return;
    case 'c':
      if (key == "code") read_concept(value.get_object(), row.code);
      if (key == "category") {
        Concept category;
        read_concepts(value.get_array(), category);
        row.category = category.any_code ? category.any_code : category.text;
      }
      return;
    case 'v':
      if (key.starts_with("value")) read_value(key.substr(5), value, row);
      return;
    case 'd':
      if (key == "dataAbsentReason") read_concept(value.get_object(), row.absent);
      return;
    case 'b':
      if (key == "bodySite") read_concept(value.get_object(), row.body_site);
      return;
    case 'r':
      if (key == "referenceRange") read_reference_range(value.get_array(), row);
      return;
    default:
      return;
  }
}

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void text(const Text& text) {
    comma();
    if (!text) return;
    const auto is_special = [](char c) { return c == ',' || c == '"' || c == '\n' || c == '\r'; };
    if (!text->empty() && text->front() != '\\' && std::ranges::none_of(*text, is_special)) {
      out_ += *text;
      return;
    }
    out_ += '"';
    for (const char c : *text) {
      if (c == '"') out_ += '"';
      out_ += c;
    }
    out_ += '"';
  }
  void raw(const Text& text) {
    comma();
    if (text) out_ += *text;
  }
  void moment(const Text& text, bool latest) {
    comma();
    const auto time = text ? parse_date_time(*text) : std::nullopt;
    if (!time) return;
    char buffer[kMaxTimeLength];
    out_.append(buffer, write_timestamp(*time, latest, buffer));
  }
  void moment_with_text(const Text& text, bool latest) {
    moment(text, latest);
    raw(text);
    const auto time = text ? parse_date_time(*text) : std::nullopt;
    raw(time ? Text(to_string(time->precision)) : std::nullopt);
  }
  void coding(const Coding& coding) {
    text(coding.system);
    text(coding.code);
    text(coding.display);
  }
  void pair(const Pair& pair, std::string_view between) {
    if (!pair.there) return text(std::nullopt);
    std::string joined;
    const auto add = [&](const Quantity& quantity) {
      if (quantity.value) joined += *quantity.value;
      if (quantity.value && quantity.unit) joined += ' ';
      if (quantity.unit) joined += *quantity.unit;
    };
    add(pair.first);
    joined += between;
    add(pair.second);
    text(joined);
  }

 private:
  void comma() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  std::string& out_;
  bool first_ = true;
};

void write_value(const Row& row, Writer& writer) {
  writer.raw(row.quantity.value);
  writer.text(row.quantity.comparator);
  writer.text(row.quantity.unit);
  writer.text(row.quantity.system == "http://unitsofmeasure.org" ? row.quantity.code : std::nullopt);
  writer.text(row.text);
  writer.text(row.coded.first.system);
  writer.text(row.coded.first.code);
  writer.text(row.coded.first.display ? row.coded.first.display : row.coded.text);
  writer.raw(row.boolean);
  writer.raw(row.integer);
  writer.raw(row.time);
  writer.moment_with_text(row.date_time, false);
  writer.pair(row.range, " - ");
  writer.pair(row.ratio, " : ");
  std::string period;
  if (row.period) period = std::string(row.period_start.value_or("")) + "/" + std::string(row.period_end.value_or(""));
  writer.text(row.period ? Text(period) : std::nullopt);
}

void write_row(const Row& row, std::string& out) {
  Writer writer(out);
  writer.raw(row.id);
  writer.raw(row.version);
  writer.moment(row.updated, false);
  writer.raw(row.patient);
  writer.raw(row.encounter);
  writer.text(row.status);
  writer.text(row.category);
  writer.coding(row.code.has_loinc ? row.code.loinc : row.code.first);
  writer.text(row.code.text);
  writer.moment_with_text(row.effective, false);
  writer.moment_with_text(row.effective_end, true);
  writer.moment(row.issued, false);
  write_value(row, writer);
  writer.text(row.absent.any_code ? row.absent.any_code : row.absent.text);
  writer.text(row.interpretation.any_code ? row.interpretation.any_code : row.interpretation.text);
  writer.text(row.body_site.first.code);
  writer.text(row.body_site.first.display ? row.body_site.first.display : row.body_site.text);
  writer.text(row.method.first.code);
  writer.text(row.method.first.display ? row.method.first.display : row.method.text);
  writer.raw(row.low.value);
  writer.raw(row.high.value);
  writer.text(row.reference_text);
}

}  // namespace

struct HandwrittenObservation::State {
  ondemand::parser parser;
};

HandwrittenObservation::HandwrittenObservation() : state_(new State) {}
HandwrittenObservation::~HandwrittenObservation() { delete state_; }

bool HandwrittenObservation::convert(std::string_view resource, std::string& out) {
  try {
    ondemand::document document =
        state_->parser.iterate(resource.data(), resource.size(), resource.size() + simdjson::SIMDJSON_PADDING);
    Row row;
    bool right_type = false;
    for (auto field : document.get_object()) {
      const std::string_view key = field.unescaped_key();
      if (key == "resourceType") {
        right_type = std::string_view(field.value().get_string()) == "Observation";
      } else if (!key.empty()) {
        read_field(key, field.value(), row);
      }
    }
    if (!right_type || !row.patient || !row.id || !is_fhir_id(*row.id)) return false;
    write_row(row, out);
    return true;
  } catch (const simdjson::simdjson_error&) {
    return false;
  }
}

}  // namespace wellhead::converter
