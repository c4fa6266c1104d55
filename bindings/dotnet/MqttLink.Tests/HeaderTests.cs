using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using MqttLink.Interop;
using MqttLink.TestRunner;

namespace MqttLink.Tests
{
    /// <summary>The declarations of the C library in C# are those of include/mqttlink.h.</summary>
    public sealed class HeaderTests
    {
        private static readonly Header Header = new Header(Paths.Of("include", "mqttlink.h"));

        // The enums of C and of C#, and what the names in C begin with.
        private static readonly Dictionary<string, Tuple<Type, string>> Enums =
            new Dictionary<string, Tuple<Type, string>>
            {
                { "mqttlink_status", Tuple.Create(typeof(MqttStatus), "MQTTLINK_ERROR_") },
                { "mqttlink_stage", Tuple.Create(typeof(MqttStage), "MQTTLINK_STAGE_") },
                { "mqttlink_state", Tuple.Create(typeof(MqttClientState), "MQTTLINK_") },
                { "mqttlink_direction", Tuple.Create(typeof(MqttDirection), "MQTTLINK_") },
                { "mqttlink_qos", Tuple.Create(typeof(MqttQoS), "MQTTLINK_") },
                { "mqttlink_protocol", Tuple.Create(typeof(MqttProtocol), "MQTTLINK_") },
                { "mqttlink_acknowledge", Tuple.Create(typeof(MqttAcknowledge), "MQTTLINK_") },
                { "mqttlink_retain_handling", Tuple.Create(typeof(MqttRetainHandling), "MQTTLINK_RETAIN_") },
                { "mqttlink_tls_version", Tuple.Create(typeof(MqttTlsVersion), "MQTTLINK_") },
                { "mqttlink_log_level", Tuple.Create(typeof(MqttLogLevel), "MQTTLINK_LOG_") },
                { "mqttlink_property_id", Tuple.Create(typeof(MqttPropertyId), "MQTTLINK_PROPERTY_") },
                { "mqttlink_reason", Tuple.Create(typeof(MqttReason), "MQTTLINK_REASON_") },
                { "mqttlink_broker_setting", Tuple.Create(typeof(MqttBrokerSetting), "MQTTLINK_BROKER_") },
                { "mqttlink_session_overflow", Tuple.Create(typeof(MqttSessionOverflow), "MQTTLINK_") },
                { "mqttlink_overflow", Tuple.Create(typeof(MqttOverflow), "MQTTLINK_") },
                { "mqttlink_action", Tuple.Create(typeof(MqttAction), "MQTTLINK_ACTION_") },
                { "mqttlink_broker_event_kind", Tuple.Create(typeof(MqttBrokerEventKind), "MQTTLINK_EVENT_") },
                { "mqttlink_disconnect_cause", Tuple.Create(typeof(MqttDisconnectCause), "MQTTLINK_CAUSE_") },
                { "mqttlink_drop_cause", Tuple.Create(typeof(MqttDropCause), "MQTTLINK_DROPPED_") },
                { "mqttlink_connection_fault", Tuple.Create(typeof(MqttConnectionFault), "MQTTLINK_FAULT_") },
                { "mqttlink_message_fault", Tuple.Create(typeof(MqttMessageFault), "MQTTLINK_FAULT_") },
            };

        private static readonly Dictionary<string, Type> Structs = new Dictionary<string, Type>
        {
            { "mqttlink_property", typeof(NativeProperty) },
            { "mqttlink_view", typeof(NativeView) },
            { "mqttlink_statistics", typeof(NativeStatistics) },
            { "mqttlink_left", typeof(NativeLeft) },
            { "mqttlink_broker_counters", typeof(NativeBrokerCounters) },
            { "mqttlink_broker_event", typeof(NativeBrokerEvent) },
            { "mqttlink_session", typeof(NativeSession) },
            { "mqttlink_recorded", typeof(NativeRecorded) },
        };

        private static IEnumerable<MethodInfo> Imports()
        {
            const BindingFlags all = BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.Static;
            return typeof(NativeMethods).GetMethods(all)
                .Where(method => (method.Attributes & MethodAttributes.PinvokeImpl) != 0);
        }

        [Test]
        public void Every_exported_function_is_declared_and_no_other()
        {
            var exported = File.ReadAllLines(Paths.Of("tests", "capi", "symbols.txt"))
                .Select(line => line.Trim()).Where(line => line.StartsWith("mqttlink_"));
            var declared = Imports().Select(method => method.Name).Distinct().ToList();
            Check.Equal(new string[0], exported.Except(declared).ToArray(), "what C# lacks");
            Check.Equal(new string[0], declared.Except(exported).ToArray(), "what C lacks");
            Check.Equal(exported.OrderBy(name => name), Header.Functions.Select(f => f.Name).OrderBy(name => name));
        }

        [Test]
        public void Arguments_and_results_have_the_same_kinds()
        {
            var functions = Header.Functions.ToDictionary(function => function.Name);
            foreach (var method in Imports())
            {
                var function = functions[method.Name];
                var arguments = method.GetParameters().Select(Kind).ToList();
                Check.Equal(function.Arguments, arguments, "the arguments of " + method.Name);
                Check.Equal(function.Returns, Kind(method.ReturnParameter), "the result of " + method.Name);
            }
        }

        [Test]
        public void Every_function_is_called_by_the_convention_of_C()
        {
            foreach (var method in Imports())
            {
                var import = method.GetCustomAttribute<DllImportAttribute>();
                Check.Equal(CallingConvention.Cdecl, import.CallingConvention, method.Name);
                Check.Equal(NativeMethods.Library, import.Value, method.Name);
            }
        }

        [Test]
        public void Function_types_have_the_same_kinds()
        {
            Check.True(Header.FunctionTypes.Count >= 17, "that the header has its function types");
            foreach (var function in Header.FunctionTypes)
            {
                var words = function.Name.Substring("mqttlink_".Length).Split('_');
                var name = string.Concat(words.Take(words.Length - 1).Select(Capital)) + "Function";
                var type = typeof(NativeMethods).Assembly.GetType("MqttLink.Interop." + name, true);
                var convention = type.GetCustomAttribute<UnmanagedFunctionPointerAttribute>();
                Check.Equal(CallingConvention.Cdecl, convention.CallingConvention, name);
                var invoke = type.GetMethod("Invoke");
                Check.Equal(function.Arguments, invoke.GetParameters().Select(Kind).ToList(), name);
                Check.Equal(function.Returns, Kind(invoke.ReturnParameter), name);
            }
        }

        [Test]
        public void Numbers_and_their_names_are_the_same()
        {
            Check.Equal(Header.Enums.Keys.OrderBy(name => name), Enums.Keys.OrderBy(name => name), "the enums");
            foreach (var pair in Enums)
            {
                var type = pair.Value.Item1;
                Check.Equal(typeof(int), Enum.GetUnderlyingType(type), type.Name);
                var expected = Header.Enums[pair.Key].ToDictionary(
                    value => Plain(value.Key, pair.Value.Item2), value => value.Value);
                var actual = Enum.GetValues(type).Cast<object>().ToDictionary(
                    value => value.ToString().ToLowerInvariant(), value => (int)value);
                Check.Equal(Lines(expected), Lines(actual), type.Name);
            }
        }

        [Test]
        public void Structs_are_laid_out_as_a_C_compiler_does()
        {
            Check.Equal(Header.Structs.Keys.OrderBy(name => name), Structs.Keys.OrderBy(name => name));
            var folder = Paths.NewFolder();
            var lines = Header.Structs.SelectMany(item => Offsets(item.Key, item.Value));
            File.WriteAllText(Path.Combine(folder, "layout.c"),
                "#include <stddef.h>\n#include <stdio.h>\n#include \"mqttlink.h\"\nint main(void)\n{\n"
                + string.Join("\n", lines) + "\nreturn 0;\n}\n");
            var program = Path.Combine(folder, "layout");
            Paths.Run("cc", "-I" + Paths.Of("include") + " -o " + program + " " + program + ".c");
            foreach (var line in Paths.Run(program, "").Trim().Split('\n'))
            {
                var words = line.Split(' ');
                var type = Structs[words[0]];
                var fields = type.GetFields(BindingFlags.NonPublic | BindingFlags.Instance)
                    .OrderBy(field => field.MetadataToken);
                var layout = fields.Select(field => (long)Marshal.OffsetOf(type, field.Name))
                    .Concat(new[] { (long)Marshal.SizeOf(type) });
                Check.Equal(words.Skip(1).Select(long.Parse), layout, words[0]);
            }
        }

        // One number for each field, an array's elements by themselves, and the size behind them.
        private static IEnumerable<string> Offsets(string name, List<string> fields)
        {
            yield return "printf(\"" + name + "\");";
            foreach (var field in fields)
            {
                var bracket = field.IndexOf('[');
                var plain = bracket < 0 ? field : field.Substring(0, bracket);
                var count = bracket < 0 ? 1 : int.Parse(field.Substring(bracket + 1).TrimEnd(']'));
                for (var index = 0; index < count; index++)
                {
                    var place = bracket < 0 ? plain : plain + "[" + index + "]";
                    yield return "printf(\" %zu\", offsetof(struct " + name + ", " + place + "));";
                }
            }
            yield return "printf(\" %zu\\n\", sizeof(struct " + name + "));";
        }

        private static string Plain(string name, string prefix)
        {
            var rest = name.StartsWith(prefix) ? name.Substring(prefix.Length) : name.Substring("MQTTLINK_".Length);
            var plain = rest.Replace("_", "").ToLowerInvariant();
            return plain == "mqtt5" ? "mqtt50" : plain;
        }

        private static IEnumerable<string> Lines(Dictionary<string, int> values)
        {
            return values.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Key + pair.Value);
        }

        private static string Capital(string word)
        {
            return char.ToUpperInvariant(word[0]) + word.Substring(1);
        }

        private static string Kind(ParameterInfo parameter)
        {
            var type = parameter.ParameterType;
            if (type == typeof(bool))
            {
                Check.Equal(UnmanagedType.U1, parameter.GetCustomAttribute<MarshalAsAttribute>()?.Value,
                    "the marshalling of " + parameter.Member.Name);
                return "bool";
            }
            var pointer = type.IsByRef || type.IsPointer || type.IsArray || type == typeof(IntPtr)
                || typeof(NativeHandle).IsAssignableFrom(type) || typeof(Delegate).IsAssignableFrom(type);
            if (pointer)
            {
                return "pointer";
            }
            if (type.IsEnum || type == typeof(int))
            {
                return "int32";
            }
            return type == typeof(void) ? "void"
                : type == typeof(uint) ? "uint32_t"
                : type == typeof(ushort) ? "uint16_t"
                : type == typeof(ulong) ? "uint64_t"
                : type == typeof(long) ? "int64_t"
                : type == typeof(UIntPtr) ? "size_t"
                : type.Name;
        }
    }
}
