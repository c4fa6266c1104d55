using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;

namespace MqttLink.Tests
{
    /// <summary>What include/mqttlink.h declares, as far as another language has to agree with it.</summary>
    internal sealed class Header
    {
        /// <summary>A function or a function type: what it returns, and its arguments, each as a kind.</summary>
        internal sealed class Function
        {
            internal string Name;
            internal string Returns;
            internal List<string> Arguments;
        }

        private static readonly Regex Comment = new Regex(@"/\*.*?\*/|//[^\n]*", RegexOptions.Singleline);
        private static readonly Regex Declaration = new Regex(
            @"MQTTLINK_API\s+(?<returns>[\w\s\*]*?)(?<name>mqttlink_\w+)\s*\((?<arguments>[^;]*?)\)\s*;");
        private static readonly Regex Typedef = new Regex(
            @"typedef\s+(?<returns>[\w\s\*]*?)\(\*(?<name>mqttlink_\w+)\)\s*\((?<arguments>[^;]*?)\)\s*;");
        private static readonly Regex Enum = new Regex(
            @"enum\s+(?<name>mqttlink_\w+)\s*(#[^\n]*\n[^\n]*\n#[^\n]*\n)?\s*\{(?<body>[^}]*)\}");
        private static readonly Regex Value = new Regex(@"(?<name>MQTTLINK_\w+)\s*=\s*(?<value>-?\d+)");
        private static readonly Regex Struct = new Regex(
            @"typedef\s+struct\s+(?<name>mqttlink_\w+)\s*\{(?<body>[^}]*)\}");

        internal Header(string path)
        {
            var text = Comment.Replace(File.ReadAllText(path), "");
            Enums = Enum.Matches(text).Cast<Match>().ToDictionary(
                match => match.Groups["name"].Value,
                match => Value.Matches(match.Groups["body"].Value).Cast<Match>().ToDictionary(
                    value => value.Groups["name"].Value, value => int.Parse(value.Groups["value"].Value)));
            Structs = Struct.Matches(text).Cast<Match>().ToDictionary(
                match => match.Groups["name"].Value, match => Fields(match.Groups["body"].Value));
            Functions = Declaration.Matches(text).Cast<Match>().Select(Read).ToList();
            FunctionTypes = Typedef.Matches(text).Cast<Match>().Select(Read).ToList();
        }

        internal List<Function> Functions { get; }

        internal List<Function> FunctionTypes { get; }

        internal Dictionary<string, Dictionary<string, int>> Enums { get; }

        /// <summary>The fields of each struct, in order.</summary>
        internal Dictionary<string, List<string>> Structs { get; }

        private static List<string> Fields(string body)
        {
            return body.Split(';').Select(field => Regex.Match(field, @"(\w+(\[\d+\])?)\s*$").Value)
                .Where(field => field != "").ToList();
        }

        private Function Read(Match match)
        {
            var arguments = match.Groups["arguments"].Value.Trim();
            return new Function
            {
                Name = match.Groups["name"].Value,
                Returns = Kind(match.Groups["returns"].Value.Trim()),
                Arguments = arguments == "void" || arguments == ""
                    ? new List<string>()
                    : arguments.Split(',').Select(ArgumentKind).ToList(),
            };
        }

        // The name of an argument may be left out of a type, never of a declaration.
        private string ArgumentKind(string argument)
        {
            return Kind(Regex.Replace(argument.Trim(), @"\w+$", "").Trim());
        }

        private string Kind(string type)
        {
            if (type.Contains("*") || type.EndsWith("_fn"))
            {
                return "pointer";
            }
            return type == "int32_t" || Enums.ContainsKey(type) ? "int32" : type;
        }
    }
}
