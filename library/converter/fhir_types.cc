#include "library/converter/fhir_types.h"

#include <algorithm>
#include <array>
#include <utility>

namespace wellhead::converter {
namespace {

constexpr auto kPrimitiveTypes = std::to_array<std::string_view>({
    "base64Binary", "boolean", "canonical",   "code",      "date",     "dateTime", "decimal",
    "id",           "instant", "integer",     "integer64", "markdown", "oid",      "positiveInt",
    "string",       "time",    "unsignedInt", "uri",       "url",      "uuid",
});

// R4 §2.1.0 "open types" and those of other choices; the last three are R5's.
constexpr auto kComplexTypes = std::to_array<std::string_view>({
    "Address",
    "Age",
    "Annotation",
    "Attachment",
    "CodeableConcept",
    "Coding",
    "ContactDetail",
    "ContactPoint",
    "Contributor",
    "Count",
    "DataRequirement",
    "Distance",
    "Dosage",
    "Duration",
    "Expression",
    "Extension",
    "HumanName",
    "Identifier",
    "Meta",
    "Money",
    "ParameterDefinition",
    "Period",
    "Quantity",
    "Range",
    "Ratio",
    "Reference",
    "RelatedArtifact",
    "SampledData",
    "Signature",
    "Timing",
    "TriggerDefinition",
    "UsageContext",
    "CodeableReference",
    "RatioRange",
    "Availability",
});

constexpr auto kParents = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"code", "string"},
    {"id", "string"},
    {"markdown", "string"},
    {"url", "uri"},
    {"canonical", "uri"},
    {"uuid", "uri"},
    {"oid", "uri"},
    {"positiveInt", "integer"},
    {"unsignedInt", "integer"},
    {"Age", "Quantity"},
    {"Count", "Quantity"},
    {"Distance", "Quantity"},
    {"Duration", "Quantity"},
});

constexpr auto kSystemTypes = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"String", "string"},
    {"Boolean", "boolean"},
    {"Integer", "integer"},
    {"Decimal", "decimal"},
    {"Date", "date"},
    {"DateTime", "dateTime"},
    {"Time", "time"},
});

// Choice elements of R4's resources and data types, and some of R5's. Sorted.
constexpr auto kChoiceElements = std::to_array<std::string_view>({
    "abatement",
    "additive",
    "age",
    "allowed",
    "amount",
    "answer",
    "asNeeded",
    "author",
    "born",
    "bounds",
    "characteristic",
    "chargeItem",
    "code",
    "collected",
    "content",
    "copyright",
    "created",
    "date",
    "deceased",
    "defaultValue",
    "definingSubstance",
    "definition",
    "detail",
    "diagnosis",
    "dose",
    "doseNumber",
    "due",
    "effective",
    "entity",
    "event",
    "example",
    "fastingStatus",
    "fixed",
    "identified",
    "indication",
    "item",
    "legallyBinding",
    "location",
    "manufacturer",
    "maxValue",
    "medication",
    "minValue",
    "minimumVolume",
    "module",
    "multipleBirth",
    "name",
    "occurred",
    "occurrence",
    "offset",
    "onset",
    "participantEffective",
    "pattern",
    "performed",
    "presentation",
    "probability",
    "procedure",
    "product",
    "quantity",
    "rate",
    "reported",
    "scheduled",
    "seriesDoses",
    "serviced",
    "source",
    "start",
    "statusReason",
    "strength",
    "studyEffective",
    "subject",
    "substance",
    "target",
    "time",
    "timing",
    "topic",
    "used",
    "value",
    "versionAlgorithm",
    "when",
});

static_assert(std::ranges::is_sorted(kChoiceElements));

// Elements whose name does not end with their type. Of a name that differs between resources the commoner type.
constexpr auto kDates = std::to_array<std::string_view>(
    {"approvalDate", "birthDate", "lastReviewDate", "nextScheduled", "paymentDate", "startDate"});
constexpr auto kDateTimes = std::to_array<std::string_view>({
    "authored",
    "authoredOn",
    "created",
    "creation",
    "date",
    "dateAsserted",
    "dateOfFirstAuthorization",
    "dateTime",
    "dateWritten",
    "detected",
    "effectiveDate",
    "effectiveTime",
    "end",
    "enteredDate",
    "expirationDate",
    "expiry",
    "internationalBirthDate",
    "issued",
    "lastModified",
    "lastOccurrence",
    "lastPerformed",
    "lastUpdated",
    "manufactureDate",
    "presentationDate",
    "publicationDate",
    "received",
    "receivedTime",
    "recorded",
    "recordedDate",
    "recordedOn",
    "releaseDate",
    "restoreDate",
    "sent",
    "start",
    "started",
    "statusDate",
    "timestamp",
    "validTo",
    "validationDate",
    "verificationDate",
    "when",
    "whenHandedOver",
    "whenPrepared",
});
constexpr auto kTimes = std::to_array<std::string_view>(
    {"availableEndTime", "availableStartTime", "closingTime", "openingTime", "timeOfDay"});

template <std::size_t size>
bool holds(const std::array<std::string_view, size>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// The type whose capitalized name this is; empty: none.
std::string_view type_of_suffix(std::string_view suffix) {
  for (const std::string_view name : kComplexTypes) {
    if (name == suffix) return name;
  }
  for (const std::string_view name : kPrimitiveTypes) {
    if (name.size() == suffix.size() && name[0] == lower(suffix[0]) && name.substr(1) == suffix.substr(1)) return name;
  }
  return {};
}

bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }

}  // namespace

bool is_primitive_type(std::string_view name) { return holds(kPrimitiveTypes, name); }

bool is_data_type(std::string_view name) { return holds(kComplexTypes, name) || is_primitive_type(name); }

bool is_subtype(std::string_view type, std::string_view wanted) {
  if (type == wanted) return true;
  const auto* parent = std::ranges::find(kParents, type, &std::pair<std::string_view, std::string_view>::first);
  return parent != kParents.end() && parent->second == wanted;
}

std::string_view fhir_type_name(std::string_view name) {
  const auto* found = std::ranges::find(kSystemTypes, name, &std::pair<std::string_view, std::string_view>::first);
  return found == kSystemTypes.end() ? name : found->second;
}

bool is_choice_element(std::string_view name) { return std::ranges::binary_search(kChoiceElements, name); }

std::optional<ChoiceKey> split_choice_key(std::string_view key) {
  for (std::size_t at = 1; at < key.size(); ++at) {
    if (!is_capital(key[at])) continue;
    const std::string_view type = type_of_suffix(key.substr(at));
    if (!type.empty() && is_choice_element(key.substr(0, at))) return ChoiceKey{key.substr(0, at), type};
  }
  return std::nullopt;
}

bool is_choice_key(std::string_view key, std::string_view element) {
  return key.size() > element.size() && key.starts_with(element) && is_capital(key[element.size()]) &&
         !type_of_suffix(key.substr(element.size())).empty();
}

std::optional<TemporalKind> temporal_element(std::string_view key) {
  if (holds(kDateTimes, key)) return TemporalKind::date_time;
  if (holds(kDates, key)) return TemporalKind::date;
  if (holds(kTimes, key)) return TemporalKind::time;
  const auto choice = split_choice_key(key);
  if (!choice) return std::nullopt;
  if (choice->type == "date") return TemporalKind::date;
  if (choice->type == "dateTime" || choice->type == "instant") return TemporalKind::date_time;
  if (choice->type == "time") return TemporalKind::time;
  return std::nullopt;
}

std::string capitalized(std::string_view name) {
  std::string result(name);
  if (!result.empty() && result[0] >= 'a' && result[0] <= 'z') result[0] = static_cast<char>(result[0] - 'a' + 'A');
  return result;
}

}  // namespace wellhead::converter
