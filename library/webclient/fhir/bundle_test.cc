#include "library/webclient/fhir/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "library/webclient/fhir/outcome.h"

namespace wellhead::webclient {
namespace {

using meta::Error;
using meta::ErrorCode;
using ::testing::HasSubstr;
using ::testing::Not;

SearchPage read(std::string body, int max_depth = 64) { return BundleReader(max_depth).read(std::move(body), "GET x"); }

Error error_of(std::string body, int max_depth = 64) {
  try {
    read(std::move(body), max_depth);
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::internal, "no error was thrown");
}

std::vector<std::string> resources(const SearchPage& page) {
  std::vector<std::string> out;
  out.reserve(page.entries.size());
  for (const auto& entry : page.entries) out.emplace_back(entry.resource);
  return out;
}

TEST(Bundle, GivesMatchesWithLinkAndTotalInAnyOrderOfFields) {
  for (const auto* text : {
           R"({"resourceType":"Bundle","type":"searchset","total":7,"link":[{"relation":"self","url":"s"},)"
           R"({"relation":"next","url":"http:\/\/h\/x?a=\u00e9"}],"entry":[{"fullUrl":"u","resource":{"id":"1"},)"
           R"("search":{"mode":"match","score":1}},{"search":{"mode":"match"},"resource":{"id":"2"}}]})",
           " { \"entry\" : [ { \"resource\" : {\"id\":\"1\"}\n , \"search\" : {\"mode\":\"match\"} } , {\"resource\": "
           "{\"id\":\"2\"} } ]\r\n,"
           " \"link\" : [ { \"url\" : \"http://h/x?a=\xc3\xa9\", \"relation\" : \"next\" } ], \"total\" : 7, "
           "\"meta\":{\"entry\":[1]},"
           " \"type\":\"searchset\", \"resourceType\":\"Bundle\" } ",
       }) {
    const auto page = read(text);
    EXPECT_EQ(resources(page), (std::vector<std::string>{R"({"id":"1"})", R"({"id":"2"})"}));
    EXPECT_EQ(page.next, "http://h/x?a=é");
    EXPECT_EQ(page.total, 7);
    EXPECT_EQ(page.outcome_errors, 0);
  }
}

TEST(Bundle, AnEmptySearchsetHasNoEntries) {
  for (const auto* text : {R"({"resourceType":"Bundle","type":"searchset","total":0})",
                           R"({"resourceType":"Bundle","type":"searchset","total":0,"entry":[],"link":[]})",
                           R"({"resourceType":"Bundle","total":0,"entry":null,"link":null})"}) {
    const auto page = read(text);
    EXPECT_TRUE(page.entries.empty());
    EXPECT_EQ(page.next, std::nullopt);
    EXPECT_EQ(page.total, 0);
  }
}

TEST(Bundle, ATotalThatIsNoCountIsNone) {
  for (const auto* total : {"null", "\"7\"", "-1", "1.5", "[]"}) {
    EXPECT_EQ(read(R"({"resourceType":"Bundle","type":"searchset","total":)" + std::string(total) + "}").total,
              std::nullopt)
        << total;
  }
}

TEST(Bundle, LeavesOutIncludesAndTellsOutcomes) {
  const auto page = read(R"({"resourceType":"Bundle","type":"searchset","entry":[
    {"resource":{"resourceType":"Practitioner"},"search":{"mode":"include"}},
    {"resource":{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"processing","diagnostics":"slow"},
      {"severity":"error","code":"throttled","details":{"text":"part of the\n index is down"}}]},"search":{"mode":"outcome"}},
    {"resource":{"id":"o","resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"unknown"}]}},
    {"resource":{"id":"p","resourceType":"Patient"}},
    {"resource":{"resourceType":"Patient"},"search":{"mode":"match"}}]})");
  EXPECT_EQ(resources(page),
            (std::vector<std::string>{R"({"id":"p","resourceType":"Patient"})", R"({"resourceType":"Patient"})"}));
  EXPECT_EQ(page.outcome_errors, 1);
  EXPECT_EQ(page.outcome_warnings, 2);
  EXPECT_EQ(page.outcome_text, "part of the index is down");
}

TEST(Bundle, KeepsEntriesThatAreNoResources) {
  const auto page = read(
      R"({"resourceType":"Bundle","type":"searchset","entry":[{"fullUrl":"x"},{"resource":null},{"resource": 7 },{"resource":[ {} ] },
    {"resource":{"a":"}]{[\\\""} }]})");
  EXPECT_EQ(resources(page), (std::vector<std::string>{"", "null", "7", "[ {} ]", R"({"a":"}]{[\\\""})"}));
  for (const auto& entry : page.entries) {
    EXPECT_GE(entry.resource.data(), page.buffer.data());
    EXPECT_LE(entry.resource.data() + entry.resource.size() + 64, page.buffer.data() + page.buffer.size());
  }
}

TEST(Bundle, EntriesStayWhereTheyAreWhenThePageMoves) {
  auto page = read(R"({"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"id":"1"}}]})");
  const auto* before = page.entries[0].resource.data();
  const auto moved = std::move(page);
  EXPECT_EQ(moved.entries[0].resource.data(), before);
  EXPECT_EQ(moved.entries[0].resource, R"({"id":"1"})");
}

TEST(Bundle, BytesThatAreNoUtf8SpoilOnlyTheirEntry) {
  const auto page = read(
      "{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":["
      "{\"resource\":{\"name\":\"Jos\xc3\xa9\"}},"
      "{\"resource\":{\"name\":\"Jos\xe9\"}},"
      "{\"resource\":{\"name\":\"cut \xe2\x82\"}},"
      "{\"fullUrl\":\"\xff\",\"resource\":{\"name\":\"Ann\"}}],"
      "\"link\":[{\"relation\":\"next\",\"url\":\"http://h/n\"}]}");
  EXPECT_EQ(resources(page), (std::vector<std::string>{"{\"name\":\"Jos\xc3\xa9\"}", "{\"name\":\"Jos\xe9\"}",
                                                       "{\"name\":\"cut \xe2\x82\"}", "{\"name\":\"Ann\"}"}));
  std::vector<bool> valid;
  valid.reserve(page.entries.size());
  for (const auto& entry : page.entries) valid.push_back(entry.valid_utf8);
  EXPECT_EQ(valid, (std::vector<bool>{true, false, false, true}));
  EXPECT_EQ(page.next, "http://h/n");
}

TEST(Bundle, AControlCharacterInAStringSpoilsNoOtherEntry) {
  using namespace std::string_literals;
  const auto page = read(
      "{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":{\"name\":\"a\0b\nc\"}},{\"resource\":{\"name\":\"Ann\"}}]}"s);
  EXPECT_EQ(resources(page), (std::vector<std::string>{"{\"name\":\"a\0b\nc\"}"s, "{\"name\":\"Ann\"}"}));
}

TEST(Bundle, TellsWhatItIsInstead) {
  const auto html = error_of("<!DOCTYPE html><html><title>Login</title></html>");
  EXPECT_EQ(html.code(), ErrorCode::source_not_fhir);
  EXPECT_THAT(html.message(), HasSubstr("HTML page titled 'Login'"));
  EXPECT_THAT(html.advice(), HasSubstr("WELLHEAD_SOURCE_URL"));
  EXPECT_THAT(error_of(R"({"resourceType":"Patient","id":"1"})").message(),
              HasSubstr("is a Patient where a Bundle belongs"));
  EXPECT_THAT(error_of(R"({"resourceType":"OperationOutcome","issue":[{"severity":"error","diagnostics":"no index"}]})")
                  .message(),
              HasSubstr("no index"));
  EXPECT_THAT(error_of(R"({"hello":"world"})").message(), HasSubstr("no FHIR resource"));
  EXPECT_THAT(error_of(R"({"resourceType":"Bundle","type":"transaction"})").message(),
              HasSubstr("of type transaction"));
  for (const auto* text : {"[]", "7", "\"Bundle\"", "{\"resourceType\":\"Bundle\",\"entry\":{}}", "hello",
                           "{\"resourceType\":7}", "{\"resourceType\":\"Bundle\",\"entry\":[7]}"}) {
    EXPECT_EQ(error_of(text).code(), ErrorCode::source_not_fhir) << text;
  }
}

TEST(Bundle, BrokenJsonIsNotQuoted) {
  const auto error = error_of(R"({"resourceType":"Bundle","entry":[{"resource":{"family":"Smith"}}},]})");
  EXPECT_EQ(error.code(), ErrorCode::source_not_fhir);
  EXPECT_THAT(error.message(), Not(HasSubstr("Smith")));
}

TEST(Bundle, AnAnswerThatBreaksOffAnywhereIsToldApart) {
  const std::string whole =
      R"({"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"id":"1","name":["a"]}}]})";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto error = error_of(whole.substr(0, size));
    EXPECT_EQ(error.code(), ErrorCode::source_unreachable) << size << ": " << error.what();
    EXPECT_TRUE(error.retryable());
  }
  try {
    BundleReader(64).read(whole.substr(0, 60), "GET x", true);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::source_failed);
  }
}

TEST(Bundle, BoundsTheDepthOfResources) {
  const auto nested = [](int depth) {
    std::string text = R"({"resourceType":"Bundle","entry":[{"resource":)";
    for (int i = 0; i < depth; ++i) text += i % 2 == 0 ? "{\"a[{\":" : "[";
    text += "1";
    for (int i = depth - 1; i >= 0; --i) text += i % 2 == 0 ? '}' : ']';
    return text + "}]}";
  };
  EXPECT_EQ(read(nested(64)).entries.size(), 1U);
  EXPECT_EQ(error_of(nested(65)).code(), ErrorCode::source_limit);
  EXPECT_EQ(error_of(nested(100'000)).code(), ErrorCode::source_limit);
  EXPECT_EQ(read(R"({"resourceType":"Bundle","extension":[[[1]]]})", 3).entries.size(), 0U);
  EXPECT_EQ(error_of(R"({"resourceType":"Bundle","extension":[[[1]]]})", 2).code(), ErrorCode::source_limit);
  std::string wide = R"({"resourceType":"Bundle","entry":[{"resource":{"a":[)";
  for (int i = 0; i < 1000; ++i) wide += "{},";
  EXPECT_EQ(read(wide + "{}]}}]}").entries.size(), 1U);
}

TEST(Outcome, TellsTheGravestIssue) {
  const auto outcome =
      read_outcome(R"({"resourceType":"OperationOutcome","issue":[{"severity":"information","diagnostics":"a"},
    {"severity":"fatal","code":"exception"},{"severity":"error","diagnostics":"b"}]})");
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->text, "exception");
  EXPECT_EQ(outcome->errors, 2);
  EXPECT_FALSE(read_outcome("<html>"));
  EXPECT_FALSE(read_outcome("{}"));
  EXPECT_TRUE(read_outcome(R"({"resourceType":"OperationOutcome"})"));
  EXPECT_EQ(explain_outcome({.body = "not found here"}), "not found here");
}

}  // namespace
}  // namespace wellhead::webclient
