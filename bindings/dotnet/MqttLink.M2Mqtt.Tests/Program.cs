using MqttLink.TestRunner;

namespace M2Mqtt.Tests
{
    /// <summary>Runs the tests of this assembly.</summary>
    public static class Program
    {
        /// <summary>See <see cref="Runner"/> for the arguments.</summary>
        public static int Main(string[] arguments)
        {
            return Runner.Run(typeof(Program).Assembly, arguments);
        }
    }
}
