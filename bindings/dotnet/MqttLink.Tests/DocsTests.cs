using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using MqttLink.TestRunner;

namespace MqttLink.Tests
{
    /// <summary>What the documentation shows compiles.</summary>
    public sealed class DocsTests
    {
        private const string Modern =
            "using System; using System.Collections.Generic; using System.IO; using System.Net.Security; "
            + "using System.Net.Sockets; using System.Security.Cryptography.X509Certificates; using System.Threading; "
            + "using System.Threading.Tasks; using MqttLink;";

        private const string Nano =
            "using System; using System.Text; using nanoFramework.M2Mqtt; using nanoFramework.M2Mqtt.Messages;";

        [Test(Seconds = 120)]
        [Case("docs/dotnet.md", "MqttLink", 4)]
        [Case("docs/m2mqtt.md", "M2Mqtt", 1)]
        [Case("bindings/dotnet/package/README.md", "MqttLink", 1)]
        [Case("bindings/dotnet/package/M2Mqtt.md", "M2Mqtt", 1)]
        public void Each_piece_of_code_compiles(string document, string against, int pieces)
        {
            var usings = against == "M2Mqtt" ? Nano : Modern;
            var folder = Paths.NewFolder();
            var sources = new List<string>();
            foreach (var piece in Pieces(document))
            {
                var source = Path.Combine(folder, "Line" + piece.Key + ".cs");
                // What the compiler says names the line of the document.
                var at = "\n#line " + (piece.Key + 1) + " \"" + document + "\"\n";
                var whole = piece.Value.Contains("static void Main(");
                File.WriteAllText(source, whole
                    ? at + piece.Value
                    : usings + "\nstatic class Line" + piece.Key + "\n{\n    static void Run()\n    {" + at + piece.Value
                        + "\n    }\n}\n");
                sources.Add(source);
            }
            Check.Equal(pieces, sources.Count, "how many pieces of code there are");
            Compile(Path.Combine(folder, "docs.dll"), sources);
        }

        /// <summary>A test that could not fail would show nothing.</summary>
        [Test(Seconds = 60)]
        public void What_does_not_compile_is_told_with_its_line()
        {
            var folder = Paths.NewFolder();
            var source = Path.Combine(folder, "Wrong.cs");
            File.WriteAllText(source, "class Wrong\n{\n#line 7 \"docs/wrong.md\"\n    MqttLink.NoSuchClient client;\n}\n");
            var failure = Check.Throws<InvalidOperationException>(
                () => Compile(Path.Combine(folder, "wrong.dll"), new[] { source }));
            Check.True(failure.Message.Contains("wrong.md(7,") && failure.Message.Contains("NoSuchClient"), failure.Message);
        }

        /// <summary>The code between ```csharp and ```, by the number of the line with ```csharp.</summary>
        private static IEnumerable<KeyValuePair<int, string>> Pieces(string document)
        {
            StringBuilder code = null;
            var start = 0;
            var number = 0;
            foreach (var line in File.ReadAllLines(Paths.Of(document.Split('/'))))
            {
                number++;
                if (code == null && line == "```csharp")
                {
                    code = new StringBuilder();
                    start = number;
                }
                else if (code != null && line == "```")
                {
                    yield return new KeyValuePair<int, string>(start, code.ToString());
                    code = null;
                }
                else
                {
                    code?.AppendLine(line);
                }
            }
        }

        // The SDK's own compiler, on the assemblies of this build.
        private static void Compile(string output, IEnumerable<string> sources)
        {
            var sdk = Path.Combine(Environment.GetEnvironmentVariable("DOTNET_ROOT"), "sdk");
            var compiler = Directory.GetFiles(sdk, "csc.dll", SearchOption.AllDirectories).Single(
                path => path.Contains("bincore"));
            var standard = Path.Combine(Path.GetDirectoryName(compiler), "..", "..", "ref");
            var references = new[] { "netstandard.dll", "mscorlib.dll" }.Select(name => Path.Combine(standard, name))
                .Concat(new[] { "MqttLink", "MqttLink.M2Mqtt", "MqttLink.M2Mqtt.Classic" }.Select(
                    name => Paths.Of("target", "dotnet", "bin", name, "netstandard2.0", name + ".dll")));
            Paths.Run(Paths.Of("tools", "dotnet"), "exec \"" + compiler
                + "\" -nologo -noconfig -nostdlib -target:library -langversion:7.3 -warnaserror "
                + "-out:\"" + output + "\" " + string.Concat(references.Select(path => "-r:\"" + path + "\" "))
                + string.Join(" ", sources.Select(path => "\"" + path + "\"")));
        }
    }
}
