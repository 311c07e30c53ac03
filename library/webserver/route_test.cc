#include "library/webserver/route.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "library/meta/error.h"

namespace wellhead::webserver {
namespace {

Task<Response> nothing(Request) { co_return Response{}; }

Route route(std::string path, Method method = Method::get) {
  Route out;
  out.method = method;
  out.path = std::move(path);
  out.operation_id = std::string(to_string(method)) + out.path;
  out.tag = "Things";
  out.responses = {{.description = "It."}};
  out.handler = nothing;
  for (std::size_t at = out.path.find('{'); at != std::string::npos; at = out.path.find('{', at + 1)) {
    Parameter parameter;
    parameter.name = out.path.substr(at + 1, out.path.find('}', at) - at - 1);
    parameter.in = ParameterIn::path;
    out.parameters.push_back(std::move(parameter));
  }
  return out;
}

RouteTable table_of(std::vector<Route> routes) {
  RouteTable table({.title = "Things", .version = "1"});
  table.add(std::move(routes));
  return table;
}

std::string matched(const RouteTable& table, std::string_view path) {
  const auto match = table.match(Method::get, path);
  return match.route ? match.route->path : "none";
}

TEST(RouteTable, PrefersPlainSegmentsToParameters) {
  const RouteTable table = table_of({route("/a/{x}"), route("/a/b"), route("/a/{x}/c"), route("/")});
  EXPECT_EQ(matched(table, "/a/b"), "/a/b");
  EXPECT_EQ(matched(table, "/a/z"), "/a/{x}");
  EXPECT_EQ(matched(table, "/a/b/c"), "/a/{x}/c");
  EXPECT_EQ(matched(table, "/"), "/");
  for (const std::string none : {"", "a/b", "/a", "/a/", "/a//c", "/a/b/c/d", "/A/b", "//"})
    EXPECT_EQ(matched(table, none), "none") << none;
}

TEST(RouteTable, TellsOtherMethodsOfAPath) {
  const RouteTable table = table_of({route("/a"), route("/a", Method::post)});
  EXPECT_NE(table.match(Method::head, "/a").route, nullptr);
  const auto match = table.match(Method::put, "/a");
  EXPECT_EQ(match.route, nullptr);
  EXPECT_THAT(match.allowed, ::testing::UnorderedElementsAre(Method::get, Method::head, Method::post));
}

TEST(RouteTable, RefusesMistakesWhenItIsBuilt) {
  const auto refused = [](Route bad) {
    RouteTable table = table_of({route("/a/{x}")});
    EXPECT_THROW(table.add(std::move(bad)), meta::Error);
  };
  refused(route("/a/{y}"));
  Route undeclared = route("/b/{x}");
  undeclared.parameters.clear();
  refused(undeclared);
  Route missing = route("/b");
  missing.parameters = route("/{x}").parameters;
  refused(missing);
  Route no_handler = route("/b");
  no_handler.handler = {};
  refused(no_handler);
  refused(route("b"));
}

TEST(OpenApi, DescribesWhatIsEnforced) {
  Route get = route("/things/{id}");
  Parameter limit{.name = "limit",
                  .type = ParameterType::integer,
                  .description = "How many.",
                  .example = "5",
                  .minimum = 1,
                  .maximum = 9,
                  .fallback = 3};
  get.parameters.push_back(limit);
  get.responses = {{.description = "It.", .schema = "Thing", .example = R"({"id": "a"})"}};
  get.problems = {404};
  Route post = route("/things", Method::post);
  Parameter zipcode{
      .name = "zipcode", .in = ParameterIn::body, .type = ParameterType::zipcode, .required = true, .example = "02139"};
  post.parameters.push_back(zipcode);
  RouteTable table = table_of({get, post});
  table.add_schema({"Thing", R"({"type": "object"})"});

  simdjson::dom::parser parser;
  const std::string text = openapi_document(table);
  simdjson::dom::element document;
  ASSERT_EQ(parser.parse(text).get(document), simdjson::SUCCESS);
  const auto at = [&](std::string_view pointer) { return simdjson::minify(document.at_pointer(pointer).value()); };
  EXPECT_EQ(at("/openapi"), "\"3.1.0\"");
  EXPECT_EQ(at("/paths/~1things~1{id}/get/parameters/1/schema"),
            R"({"type":"integer","format":"int64","minimum":1,"maximum":9,"default":3})");
  EXPECT_EQ(at("/paths/~1things~1{id}/get/parameters/0/required"), "true");
  EXPECT_EQ(at("/paths/~1things~1{id}/get/responses/200/content/application~1json/example"), R"({"id":"a"})");
  EXPECT_EQ(at("/paths/~1things~1{id}/get/responses/404/$ref"), "\"#/components/responses/Problem404\"");
  EXPECT_EQ(at("/paths/~1things/post/requestBody/content/application~1json/schema/properties/zipcode/type"),
            R"(["string","integer"])");
  EXPECT_EQ(at("/paths/~1things/post/requestBody/content/application~1json/example"), R"({"zipcode":"02139"})");
  EXPECT_EQ(at("/components/responses/Problem415/content/application~1problem+json/schema/$ref"),
            "\"#/components/schemas/Problem\"");
}

TEST(OpenApi, RefusesBrokenExamples) {
  Route broken = route("/a");
  broken.responses = {{.description = "It.", .example = "{"}};
  EXPECT_THROW(openapi_document(table_of({broken})), meta::Error);
}

}  // namespace
}  // namespace wellhead::webserver
